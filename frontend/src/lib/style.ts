/** What a style transfer is asked for: as the address holds it, as its sliders offer it, and in words. */

import type { Problem } from "../api/problem";
import type { Style, StyleMethod, StyleTransfer } from "../api/types";
import { t } from "../strings";
import { title } from "./format";
import { baseline, type Drafts, encode, type Field, fieldsOf } from "./schema";
import { address, prefixed } from "./url";

export interface ChosenStyle {
  picture: string; // an id, or a built-in style's name
  weight: number;
  mask: string | undefined;
}

/** What nearly everybody changes; the server's schema says which of these a method has. */
const essential = ["size", "style_weight", "content_weight", "style_scale", "colours", "tv_weight"];

export function essentials(fields: Field[]): { first: Field[]; others: Field[] } {
  const first = essential.flatMap((name) => fields.find((field) => field.name === name) ?? []);
  return { first, others: fields.filter((field) => !first.includes(field)) };
}

/** Styles as an address holds them: "impasto*0.5 0123…*1*4567…" is a picture and its weight, then one with its mask as well. */
export function stylesIn(text = ""): ChosenStyle[] {
  const styles: ChosenStyle[] = [];
  for (const part of text.split(" ")) {
    const [picture = "", weight = "1", mask] = part.split("*");
    const known = styles.some((style) => style.picture === picture);
    const value = Number(weight);
    if (picture && !known) styles.push({ picture, weight: value > 0 ? value : 1, mask: mask || undefined });
  }
  return styles;
}

/** Undefined where there are none, so that an address leaves it out. */
export function writtenStyles(styles: ChosenStyle[]): string | undefined {
  const parts = styles.map(({ picture, weight, mask }) => {
    if (mask) return `${picture}*${weight}*${mask}`;
    return weight === 1 ? picture : `${picture}*${weight}`;
  });
  return parts.join(" ") || undefined;
}

/** The values at which a slider halts: as far apart as one can tell, and the default among them. */
export function halts({ kind, default: standard, schema }: Field): number[] {
  const least = schema.minimum ?? schema.exclusiveMinimum ?? 0;
  const most = schema.maximum ?? schema.exclusiveMaximum ?? Number.POSITIVE_INFINITY;
  const all = kind === "integer" ? pixels : decimals;
  const own = typeof standard === "number" ? [standard] : [];
  const inside = [...all, ...own].filter((value) => value >= least && value <= most);
  return [...new Set(inside)].sort((a, b) => a - b);
}

const pixels = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096].flatMap((n) =>
  n < 4096 ? [n, n * 1.5] : [n],
);
const decimals = [0, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20];

/** Weights of styles beside each other. */
export const weights = decimals.filter((value) => value >= 0.1 && value <= 10);

/** Where a value stands among the halts of its slider. */
export function nearest(halts: number[], value: number): number {
  const far = halts.map((halt) => Math.abs(halt - value));
  return Math.max(0, far.indexOf(Math.min(...far)));
}

/** Built-in ones by their titles; of others one only knows that somebody sent or drew them. */
export function styleNames(styles: { picture: string }[], gallery: Style[] | undefined): string[] {
  const own = styles.filter(({ picture }) => isId(picture));
  return styles.map((style) => {
    if (!isId(style.picture)) return gallery?.find(({ name }) => name === style.picture)?.title ?? title(style.picture);
    return t.style.yourPicture(own.length > 1 ? own.indexOf(style) + 1 : null);
  });
}

export function isId(picture: string): boolean {
  return /^[0-9a-f]{32}$/.test(picture);
}

/** "Woodcut", "Woodcut and your picture", "Woodcut, Mosaic and your picture" */
export function stylesTitle(styles: { picture: string }[], gallery: Style[] | undefined): string {
  return list.format(styleNames(styles, gallery));
}

const list = new Intl.ListFormat("en-GB", { type: "conjunction" });

/** What the server said of one style, or of all of them together (null). */
export function styleError(problem: Problem | null, index: number | null): string | undefined {
  const about = (problem?.errors ?? []).filter(({ pointer }) =>
    index === null ? pointer === "/styles" : pointer === `/styles/${index}` || pointer.startsWith(`/styles/${index}/`),
  );
  return about.map(({ detail }) => detail).join(" ") || undefined;
}

/** The hyper-parameters of a transfer that differ from its method's defaults, as a form writes them. */
export function changedIn({ hyperparameters }: StyleTransfer, method: StyleMethod | undefined): Drafts {
  if (!method) return {};
  const fields = fieldsOf(method.hyperparameters);
  const base = baseline(fields);
  return Object.fromEntries(
    fields
      .map((field) => [field.name, encode(field, hyperparameters[field.name] ?? null), field] as const)
      .filter(([name, text, field]) => name in hyperparameters && text !== encode(field, base[name] ?? null))
      .map(([name, text]) => [name, text]),
  );
}

/** The address that brings a transfer's choices back. */
export function againPath(job: StyleTransfer, method: StyleMethod | undefined): string {
  const { content, styles, method: name } = job.style_transfer;
  const chosen = styles.map(({ picture, weight, mask }) => ({ picture, weight, mask: mask ?? undefined }));
  return address("/style", {
    content,
    style: writtenStyles(chosen),
    method: name,
    ...prefixed(changedIn(job, method), "hp."),
  });
}
