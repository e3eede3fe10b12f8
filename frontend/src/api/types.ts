/** The shapes the pages use: names for the generated ones, narrowed where the schema cannot say more. */

import type { Schema, Values } from "../lib/schema";
import type { components, paths } from "./schema";

type Shapes = components["schemas"];

export type Status = Shapes["JobOut"]["status"] | "interrupted";

export interface Alarm {
  kind: string;
  step: number;
  message: string;
}

/** A job of any kind. What only some kinds have may be null. */
export type Job = Omit<Shapes["JobOut"], "status" | "hyperparameters" | "dataset_options"> & {
  status: Status;
  hyperparameters: Values;
  dataset_options: Values;
  pause_requested: boolean;
  priority: number;
  queue_position: number | null;
  restarts: number;
  alarms: Alarm[];
  continues: number | null;
};

/** A job of kind train: what it trains, and on what, is known. */
export type TrainingRun = Job & { kind: "train"; architecture: string; dataset: string; model: string; seed: number };

export type Architecture = Omit<Shapes["ArchitectureOut"], "hyperparameters" | "presets"> & {
  hyperparameters: Schema;
  presets: Record<string, Values>;
};

export type Dataset = Omit<Shapes["DatasetOut"], "options"> & {
  options: Schema;
  attribute_names: string[];
  mirrorable: boolean;
  builtin: boolean;
  layout: string | null;
  num_skipped: number;
  num_duplicates: number;
  has_captions: boolean;
  has_boxes: boolean;
  splits: Record<string, number>;
  bytes: number | null;
  created_at: string | null;
};

export interface DatasetClass {
  index: number;
  name: string;
  count: number;
}

export type Sample = Shapes["SampleOut"];

export interface Skipped {
  path: string;
  reason: string;
}

interface Spread {
  min: number;
  median: number;
  max: number;
}

export interface Sizes {
  width: Spread;
  height: Spread;
  histogram: { pixels: string; count: number }[];
}

export interface Report {
  num_files: number;
  num_images: number;
  num_skipped: number;
  duplicates: { groups: number; images: number; examples: string[][] };
  sizes: Sizes | null; // null where the pictures are drawn at any size
  modes: Record<string, number>;
  attributes: { name: string; mean: number }[];
  captions: { images: number; per_image: number; examples: string[] };
  splits: Record<string, number>;
}

/** Where pictures can come from. */
export interface Sources {
  layouts: { name: string; title: string; summary: string }[];
  downloads: { name: string; title: string; licence: string; layout: string; bytes: number; images: number }[];
  roots: string[];
  max_upload_bytes: number;
}

export type Version = Shapes["VersionOut"];
export type Model = Shapes["ModelOut"];
export type Picture = Shapes["ImageOut"];
export type Preview = Shapes["PreviewOut"];
export type LogFile = Shapes["LogOut"];
export type System = Shapes["SystemOut"];

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** What starts a run. The generated type is a union over the architectures of the day, of which this page knows none by name. */
export interface TrainingRequest {
  architecture: string;
  dataset: string;
  dataset_options: Values;
  model: string;
  preset: string | null;
  hyperparameters: Values;
  seed: number;
  start_from: string | null;
  priority: number;
}
export type TrainingBody = paths["/api/v1/training-runs"]["post"]["requestBody"]["content"]["application/json"];
