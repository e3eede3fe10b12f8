/** What images are asked for: as the address holds it, and as the request says it. A version is only asked for what it can do. */

import type { ImagesBody } from "../api/types";
import type { Can, Knob } from "./abilities";
import { decode, encode } from "./schema";
import { below, type Changes, prefixed, type Query } from "./url";

export type Wishes = Omit<Partial<ImagesBody>, "count" | "seed" | "seeds" | "format" | "layout">;

const words = ["prompt", "negative", "towards", "share"]; // written, so they are drawn when somebody says so
const keys = [...words, "class", "latent"];
const groups = { attributes: "attribute.", dial: "dial.", directions: "direction." } as const;
const classes = "class.";
const options = "option.";
const prefixes = [classes, options, ...Object.values(groups)];

export type Group = keyof typeof groups;

const strongest = 3; // weight of a class, either way

/** The entries of an address that ask for something. */
export function asked(query: Query): Query {
  return Object.fromEntries(
    Object.entries(query).filter(([name]) => keys.includes(name) || prefixes.some((prefix) => name.startsWith(prefix))),
  );
}

/** The changes to an address that leave nothing asked for. */
export function forgotten(query: Query): Changes {
  return Object.fromEntries(Object.keys(asked(query)).map((name) => [name, undefined]));
}

/** The change to an address that sets one of several amounts, or leaves it alone again. */
export function withAmount(group: Group, name: string, value: number | undefined): Changes {
  return { [groups[group] + name]: value === undefined ? undefined : String(value) };
}

export function withOption(name: string, value: string | undefined): Changes {
  return { [options + name]: value || undefined };
}

export function optionOf(query: Query, name: string): string | undefined {
  return query[options + name];
}

/** The amounts that the address sets, of those there are. */
export function amountsOf(query: Query, group: Group, knobs: Knob[]): Record<string, number> {
  return Object.fromEntries(
    Object.entries(below(query, groups[group])).flatMap(([name, text]): [string, number][] => {
      const knob = knobs.find((one) => one.name === name);
      const value = knob && within(text, knob.min, knob.max);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The classes asked for and their weights: none at all is `{}`, any of the data's is undefined. */
export function classesIn(query: Query, names: string[]): Map<string, number> | undefined {
  if (names.length === 0) return undefined;
  if (query.class === "none") return new Map();
  const given = below(query, classes);
  const known = names.flatMap((name): [string, number][] => {
    const weight = within(given[name], -strongest, strongest);
    return weight === undefined ? [] : [[name, weight]];
  });
  return known.length > 0 ? new Map(known) : undefined;
}

/** The changes to an address that ask for these classes and no others. */
export function withClasses(query: Query, weights: ReadonlyMap<string, number> | undefined): Changes {
  const gone = Object.keys(below(query, classes)).map((name): [string, undefined] => [classes + name, undefined]);
  const asked = [...(weights ?? [])].map(([name, weight]): [string, string] => [classes + name, String(weight)]);
  return { ...Object.fromEntries(gone), class: weights?.size === 0 ? "none" : undefined, ...Object.fromEntries(asked) };
}

/** A mixture in which one class has this share, and the others what is left, in the proportions that they had. */
export function withShare(weights: ReadonlyMap<string, number>, name: string, share: number): Map<string, number> {
  const others = [...weights].filter(([other]) => other !== name);
  const sum = others.reduce((total, [, weight]) => total + weight, 0);
  return new Map(
    [...weights].map(([other, weight]): [string, number] => {
      if (other === name) return [other, rounded(share)];
      return [other, rounded(sum > 0 ? ((1 - share) * weight) / sum : (1 - share) / others.length)];
    }),
  );
}

/** Classes in equal parts. */
export function evenly(names: string[]): Map<string, number> {
  return new Map(names.map((name) => [name, rounded(1 / names.length)]));
}

/** What the address asks for and the version can do; the rest of the address is left out. */
export function wishesOf(query: Query, can: Can): Wishes {
  const wishes: Wishes = prompted(query, can);
  const weights = classesIn(query, can.classes);
  if (weights) wishes.class_weights = Object.fromEntries(weights);
  for (const [group, knobs] of [
    ["attributes", can.attributes],
    ["dial", can.dials],
    ["directions", can.directions],
  ] as const) {
    const amounts = amountsOf(query, group, knobs);
    if (Object.keys(amounts).length > 0) wishes[group] = amounts;
  }
  const latent = can.latent ? within(query.latent, 1, Number.MAX_SAFE_INTEGER) : undefined;
  if (latent !== undefined) wishes.latent = latent;
  for (const field of can.options) {
    const text = optionOf(query, field.name);
    const decoded = text === undefined ? undefined : decode(field, text);
    if (decoded && "value" in decoded && decoded.value !== null) Object.assign(wishes, { [field.name]: decoded.value });
  }
  if (wishes.truncation_psi == null) delete wishes.truncation_cutoff; // it says where the other one holds
  return wishes;
}

/** A prompt, and what it keeps away from; or, with a second one, a mixture of both, whose share is that of the second. */
function prompted(query: Query, can: Can): Wishes {
  const [prompt, negative, towards] = [query.prompt, query.negative, query.towards].map((text) => text?.trim());
  if (!can.prompt || !prompt) return {};
  if (can.mixedPrompts && towards && towards !== prompt) {
    const share = within(query.share, 0, 1) ?? 0.5;
    return { prompt_weights: { [prompt]: rounded(1 - share), [towards]: rounded(share) } };
  }
  return can.negative && negative ? { prompt, negative_prompt: negative } : { prompt };
}

/** The entries of an address that ask for this; null where an address can't hold it. */
export function queryOf(wishes: Wishes, can: Can): Query | null {
  const { prompt, negative_prompt, prompt_weights, class_index, class_weights, latent } = wishes;
  if (Array.isArray(latent)) return null;
  const query: Query = {};
  if (prompt) query.prompt = prompt;
  if (negative_prompt) query.negative = negative_prompt;
  if (prompt_weights) {
    const [first, second, third] = Object.entries(prompt_weights);
    if (!first || third || Math.abs(first[1] + (second?.[1] ?? 0) - 1) > 0.002) return null;
    query.prompt = first[0];
    if (second) Object.assign(query, { towards: second[0], share: String(rounded(second[1])) });
  }
  const index = class_index == null ? undefined : can.classes[class_index];
  const weights = index === undefined ? class_weights : { [index]: 1 };
  if (weights) {
    const texts = Object.entries(weights).map(([name, weight]): [string, string] => [name, String(weight)]);
    Object.assign(query, texts.length > 0 ? prefixed(Object.fromEntries(texts), classes) : { class: "none" });
  }
  for (const group of ["attributes", "dial", "directions"] as const)
    for (const [name, value] of Object.entries(wishes[group] ?? {})) query[groups[group] + name] = String(value);
  if (latent != null) query.latent = String(latent);
  for (const field of can.options) {
    const value = (wishes as Record<string, unknown>)[field.name];
    if (value !== undefined && value !== null) query[options + field.name] = encode(field, value as string | number);
  }
  return query;
}

/** The prompts that the address asks for. */
export function promptsOf(query: Query, can: Can): string[] {
  const { prompt, prompt_weights } = prompted(query, can);
  return prompt ? [prompt] : Object.keys(prompt_weights ?? {});
}

/** What is asked for beside words, which are drawn when somebody says so. */
export function moved({ prompt: _, negative_prompt: __, prompt_weights: ___, ...rest }: Wishes): Wishes {
  return rest;
}

/** Names that hold what one looks for, and those that are chosen, wherever they are. */
export function found<T extends { label: string }>(all: T[], sought: string, chosen: (one: T) => boolean): T[] {
  const parts = sought.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((one) => chosen(one) || parts.every((part) => one.label.toLowerCase().includes(part)));
}

function within(text: string | undefined, least: number, most: number): number | undefined {
  const value = text?.trim() ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
