/** The shapes the pages use: names for the generated ones, narrowed where the schema cannot say more. */

import type { Schema, Values } from "../lib/schema";
import type { components, paths } from "./schema";

type Shapes = components["schemas"];

/** Training runs: jobs whose architecture, data set, model and seed are known. */
export type Job = Omit<
  Shapes["JobOut"],
  "architecture" | "dataset" | "model" | "seed" | "hyperparameters" | "dataset_options"
> & {
  architecture: string;
  dataset: string;
  model: string;
  seed: number;
  hyperparameters: Values;
  dataset_options: Values;
};
export type Status = Job["status"];

export type Architecture = Omit<Shapes["ArchitectureOut"], "hyperparameters" | "presets"> & {
  hyperparameters: Schema;
  presets: Record<string, Values>;
};
export type Dataset = Omit<Shapes["DatasetOut"], "options"> & { options: Schema };

export type Version = Shapes["VersionOut"];
export type Model = Shapes["ModelOut"];
export type Picture = Shapes["ImageOut"];
export type Preview = Shapes["PreviewOut"];
export type LogFile = Shapes["LogOut"];
export type System = Shapes["SystemOut"];

/** What starts a run. The generated type is a union over the architectures of the day, of which this page knows none by name. */
export interface TrainingRun {
  architecture: string;
  dataset: string;
  dataset_options: Values;
  model: string;
  preset: string | null;
  hyperparameters: Values;
  seed: number;
}
export type TrainingRunBody = paths["/api/v1/training-runs"]["post"]["requestBody"]["content"]["application/json"];
