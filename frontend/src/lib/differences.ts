/** Which runs stand beside a run, and what tells them apart: their settings that are not the same. */

import type { TrainingRun } from "../api/types";
import { title } from "./format";
import type { Json } from "./schema";

export const mostBeside = 5; // with the run itself, as many as there are colours

/** "5,6": the numbers of other runs, each once. */
export function besideOf(written: string | undefined, id: number): number[] {
  const numbers = (written ?? "").split(",").map(Number);
  return [...new Set(numbers)]
    .filter((other) => Number.isInteger(other) && other > 0 && other !== id)
    .slice(0, mostBeside);
}

export interface Difference {
  name: string;
  values: string[]; // one for each of the runs; "" where a run has no such setting
}

/** By what the runs were started with. `names` are those of what is no hyper-parameter, in words. */
export function differencesOf(runs: TrainingRun[], names: Record<string, string>): Difference[] {
  const settings = runs.map((run) => ({
    ...Object.fromEntries(
      (["model", "architecture", "dataset", "preset", "seed", "start_from"] as const).map((name) => [name, run[name]]),
    ),
    ...run.hyperparameters,
    ...run.dataset_options,
  })) as Record<string, Json | undefined>[];
  const all = [...new Set(settings.flatMap((one) => Object.keys(one)))];
  return all
    .map((name) => ({ name: names[name] ?? title(name), values: settings.map((one) => settingText(one[name])) }))
    .filter(({ values }) => new Set(values).size > 1);
}

export function settingText(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value).replaceAll('"', "") : String(value);
}
