/** What a run needs of its data set and what it will cost, before it is started. The server has the last word on both. */

import type { Architecture, Dataset } from "../api/types";
import type { Field, Values } from "./schema";

export type Need = "class" | "attributes" | "text";

/** What images are to be asked for by: the architecture's own way, or what a hyper-parameter chooses. */
export function conditioningOf({ conditioning }: Architecture, values: Values): string {
  return typeof values.conditions === "string" ? values.conditions : conditioning;
}

/** What the data set lacks for that; null where it fits. */
export function lacking(conditioning: string, dataset: Dataset): Need | null {
  const { class_names, attribute_names, has_captions } = dataset;
  const classes = class_names.length > 1;
  if (conditioning === "class") return classes ? null : "class";
  if (conditioning === "attributes") return attribute_names.length > 0 ? null : "attributes";
  if (conditioning === "text") return has_captions || classes || attribute_names.length > 0 ? null : "text";
  return null;
}

/** Another way to ask for images that the architecture can learn from this data set. */
export function otherWay(fields: Field[], dataset: Dataset): string | undefined {
  const ways = fields.find((field) => field.name === "conditions")?.choices ?? [];
  return ways.map(String).find((way) => lacking(way, dataset) === null);
}

export type Estimate = Architecture["estimates"][string];

/** Seconds of a run with these values, from those of its preset; null where nothing tells. */
export function secondsOf(
  estimate: Estimate | undefined,
  preset: Values,
  values: Values,
  images: number,
): number | null {
  if (typeof values.minutes === "number") return values.minutes * 60;
  if (!estimate?.seconds) return null;
  const seen = (all: Values) =>
    typeof all.epochs === "number" ? all.epochs * images : Number(all.steps) * Number(all.batch_size);
  return (estimate.seconds * seen(values)) / seen(preset);
}

/** What an image costs does not follow from these, only how many there are. */
const free = new Set([
  "steps",
  "epochs",
  "minutes",
  "batch_size",
  "split",
  "flip",
  "ema_images",
  "warmup_steps",
  "schedule",
]);

/** Whether what differs from the preset changes what an image costs, so that its estimate says little. */
export function costsOtherwise(changed: string[], values: Values): boolean {
  return changed.some((name) => {
    const value = values[name];
    return !free.has(name) && !(typeof value === "number" && !Number.isInteger(value));
  });
}
