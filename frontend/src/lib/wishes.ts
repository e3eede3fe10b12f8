/** What images are asked for: as the address holds it, and as the request says it. A version is only asked for what it can do. */

import type { ImagesBody, Version } from "../api/types";
import { below, type Changes, type Query } from "./url";

export type Abilities = Pick<Version, "class_names" | "attribute_names" | "options"> &
  Partial<Pick<Version, "dials" | "conditioning">>;
export type Wishes = Pick<
  ImagesBody,
  | "prompt"
  | "negative_prompt"
  | "prompt_weights"
  | "class_weights"
  | "attributes"
  | "truncation_psi"
  | "truncation_cutoff"
  | "noise_mode"
  | "dial"
>;
export type NoiseMode = NonNullable<Wishes["noise_mode"]>;

export const strongest = 3; // intensity of an attribute, either way
export const noiseModes: NoiseMode[] = ["random", "const", "none"];

const keys = [
  "prompt",
  "negative",
  "towards",
  "class",
  "mix",
  "share",
  "truncation_psi",
  "truncation_cutoff",
  "noise_mode",
];
const attributes = "attribute.";
const dials = "dial.";

/** The entries of an address that ask for something. */
export function asked(query: Query): Query {
  return Object.fromEntries(
    Object.entries(query).filter(
      ([name]) => keys.includes(name) || [attributes, dials].some((prefix) => name.startsWith(prefix)),
    ),
  );
}

/** The changes to an address that leave nothing asked for. */
export function forgotten(query: Query): Changes {
  return Object.fromEntries(Object.keys(asked(query)).map((name) => [name, undefined]));
}

/** The change to an address that asks for an attribute, or leaves it to the data again. */
export function withAttribute(name: string, value: number | undefined): Changes {
  return { [attributes + name]: value === undefined ? undefined : String(value) };
}

/** The change to an address that turns images to something, or leaves it as it is drawn again. */
export function withDial(name: string, value: number | undefined): Changes {
  return { [dials + name]: value === undefined ? undefined : String(value) };
}

/** What images are to be turned to, of what the version's can be; undefined where that is nothing. */
export function dialled(query: Query, can: Partial<Pick<Version, "dials">>): Record<string, number> | undefined {
  const touched = Object.entries(below(query, dials))
    .map(([name, text]) => [name, within(text, 0, 1)] as const)
    .filter((entry): entry is [string, number] => {
      return entry[1] !== undefined && (can.dials ?? []).some(({ name }) => name === entry[0]);
    });
  return touched.length > 0 ? Object.fromEntries(touched) : undefined;
}

/** The classes asked for: none at all is `[]`, any of the data's is undefined. A mixture's share is that of the second. */
export function classesIn(query: Query, { class_names }: Abilities): { names: string[]; share: number } | undefined {
  const { class: name, mix } = query;
  if (class_names.length === 0 || name === undefined) return undefined;
  if (name === "") return { names: [], share: 0 };
  if (!class_names.includes(name)) return undefined;
  const mixed = mix !== undefined && mix !== name && class_names.includes(mix);
  return { names: mixed ? [name, mix] : [name], share: mixed ? (within(query.share, 0, 1) ?? 0.5) : 0 };
}

/** What the address asks for and the version can do; the rest of the address is left out. */
export function wishesOf(query: Query, can: Abilities): Wishes {
  const wishes: Wishes = {};
  const classes = classesIn(query, can);
  if (classes) {
    const [first, second] = classes.names;
    wishes.class_weights = {};
    if (first !== undefined) wishes.class_weights[first] = rounded(1 - classes.share);
    if (second !== undefined) wishes.class_weights[second] = rounded(classes.share);
  }
  Object.assign(wishes, prompted(query, can));
  const touched = Object.entries(below(query, attributes))
    .map(([name, text]) => [name, within(text, -strongest, strongest)] as const)
    .filter((entry): entry is [string, number] => entry[1] !== undefined && can.attribute_names.includes(entry[0]));
  if (touched.length > 0) wishes.attributes = Object.fromEntries(touched);

  const psi = can.options.includes("truncation_psi") ? within(query.truncation_psi, -2, 2) : undefined;
  if (psi !== undefined) wishes.truncation_psi = psi;
  const cutoff = can.options.includes("truncation_cutoff") ? within(query.truncation_cutoff, 0, 64) : undefined;
  if (psi !== undefined && Number.isInteger(cutoff)) wishes.truncation_cutoff = cutoff;
  const mode = noiseModes.find((known) => known === query.noise_mode);
  if (mode && can.options.includes("noise_mode")) wishes.noise_mode = mode;
  const turned = dialled(query, can);
  if (turned) wishes.dial = turned;
  return wishes;
}

/** A prompt, and what it keeps away from; or, with a second one, a mixture of both, whose share is that of the second. */
function prompted(query: Query, { conditioning }: Abilities): Wishes {
  const [prompt, negative, towards] = [query.prompt, query.negative, query.towards].map((text) => text?.trim());
  if (conditioning !== "text" || !prompt) return {};
  if (towards && towards !== prompt) {
    const share = within(query.share, 0, 1) ?? 0.5;
    return { prompt_weights: { [prompt]: rounded(1 - share), [towards]: rounded(share) } };
  }
  return negative ? { prompt, negative_prompt: negative } : { prompt };
}

/** What two versions can both be asked for. */
export function shared(a: Abilities, b: Abilities): Abilities {
  const both = (ours: string[], theirs: string[]) => ours.filter((name) => theirs.includes(name));
  return {
    class_names: both(a.class_names, b.class_names),
    attribute_names: both(a.attribute_names, b.attribute_names),
    options: both(a.options, b.options),
    conditioning: a.conditioning === b.conditioning ? a.conditioning : "none",
  };
}

/** The prompts that the address asks for. */
export function promptsOf(query: Query, can: Abilities): string[] {
  const { prompt, prompt_weights } = prompted(query, can);
  return prompt ? [prompt] : Object.keys(prompt_weights ?? {});
}

/** Names that hold what one looks for, and those that are chosen, wherever they are. */
export function found(names: string[], sought: string, chosen: (name: string) => boolean): string[] {
  const words = sought.toLowerCase().split(/\s+/).filter(Boolean);
  return names.filter((name) => chosen(name) || words.every((word) => name.toLowerCase().includes(word)));
}

function within(text: string | undefined, least: number, most: number): number | undefined {
  const value = text?.trim() ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
