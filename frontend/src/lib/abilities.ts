/** What a version can be asked for, out of the schemas by which it tells so: none of it is known here by an architecture's name. */

import type { components } from "../api/schema";
import type { Version } from "../api/types";
import { title } from "./format";
import { type Field, fieldsOf, type Schema } from "./schema";

type Told = components["schemas"]["AbilitiesOut"];

/** One of several amounts that are asked for by their names. */
export interface Knob {
  name: string;
  label: string;
  min: number;
  max: number;
  hidden: boolean; // put aside by somebody
}

export interface Can {
  prompt: boolean;
  negative: boolean;
  mixedPrompts: boolean;
  classes: string[];
  attributes: Knob[];
  dials: Knob[];
  directions: Knob[];
  latent: boolean; // draws from the latent of a projection
  options: Field[]; // how images are drawn: numbers, choices, switches
  most: number; // images at once
  spaces: string[]; // where walks can lead
  layers: Record<string, number[]> | null; // whose styles can be mixed
  walk: Field[]; // of a walk: frames, easing, …
  stops: number; // of a walk, at most
}

export const nothing: Can = {
  prompt: false,
  negative: false,
  mixedPrompts: false,
  classes: [],
  attributes: [],
  dials: [],
  directions: [],
  latent: false,
  options: [],
  most: 64,
  spaces: ["z"],
  layers: null,
  walk: [],
  stops: 16,
};

const subject = ["prompt", "negative_prompt", "prompt_weights", "class_index", "class_weights", "attributes", "dial"];
const apart = [...subject, "directions", "latent", "count", "seed", "seeds", "format", "layout"];
const scalar = ["integer", "number", "boolean", "choice"];

const wellSeen = 0.6; // of 1, where 0.5 is a guess: what is seen worse can't be turned

/** `seen`: how well what images are turned to is seen in them. */
export function canOf(told: Told, seen: Version["dials"] = null): Can {
  const images = told.images as Schema;
  const properties = images.properties ?? {};
  const walks = told.interpolations as Schema;
  const options = fieldsOf(images).filter(({ name, kind }) => !apart.includes(name) && scalar.includes(kind));
  return {
    prompt: "prompt" in properties,
    negative: "negative_prompt" in properties,
    mixedPrompts: "prompt_weights" in properties,
    classes: Object.keys(properties.class_weights?.properties ?? {}),
    attributes: knobs(properties.attributes),
    dials: knobs(properties.dial).map((knob) => {
      const accuracy = seen?.find(({ name }) => name === knob.name)?.accuracy;
      return { ...knob, hidden: (accuracy ?? 1) < wellSeen };
    }),
    directions: knobs(properties.directions),
    latent: "latent" in properties,
    options,
    most: properties.count?.maximum ?? nothing.most,
    spaces: told.spaces,
    layers: told.layers,
    walk: fieldsOf(walks).filter(({ name }) => !options.some((option) => option.name === name)),
    stops: walks.properties?.waypoints?.maxItems ?? nothing.stops,
  };
}

function knobs(schema: Schema | undefined): Knob[] {
  return Object.entries(schema?.properties ?? {}).map(([name, own]) => ({
    name,
    label: own.title ?? title(name),
    min: own.minimum ?? -1,
    max: own.maximum ?? 1,
    hidden: own["x-hidden"] === true,
  }));
}

/** Whether anything can be asked for beside seeds. */
export function canBeAsked(can: Can): boolean {
  const { prompt, classes, attributes, dials, directions, options } = can;
  return prompt || classes.length + attributes.length + dials.length + directions.length + options.length > 0;
}

/** What two versions can both be asked for. */
export function shared(a: Can, b: Can): Can {
  const both = <T extends { name: string }>(ours: T[], theirs: T[]) =>
    ours.filter(({ name }) => theirs.some((other) => other.name === name));
  return {
    ...a,
    prompt: a.prompt && b.prompt,
    negative: a.negative && b.negative,
    mixedPrompts: a.mixedPrompts && b.mixedPrompts,
    classes: a.classes.filter((name) => b.classes.includes(name)),
    attributes: both(a.attributes, b.attributes),
    dials: both(a.dials, b.dials),
    directions: [], // each version's own
    latent: false,
    options: both(a.options, b.options),
  };
}
