/** The shapes the pages use: names for the generated ones, narrowed where the schema cannot say more. */

import type { Schema, Values } from "../lib/schema";
import type { components, paths } from "./schema";

type Shapes = components["schemas"];

/** A job of any kind. What only some kinds have may be null. */
export type Job = Omit<Shapes["JobOut"], "hyperparameters" | "dataset_options"> & {
  hyperparameters: Values;
  dataset_options: Values;
};
export type Status = Job["status"];

/** A job of kind train: what it trains, and on what, is known. */
export type TrainingRun = Job & { kind: "train"; architecture: string; dataset: string; model: string; seed: number };

/** A job of kind stylize: what it is made of is known. */
export type StyleTransfer = Job & { kind: "stylize"; style_transfer: Shapes["StyleTransferOut"] };

/** A job of kind evaluate: what it measures is known. */
export type Evaluation = Job & { kind: "evaluate"; evaluation: Shapes["EvaluationOut"] };
/** What starts an evaluation; the server knows how many real pictures to compare with, unless somebody says so. */
export type EvaluationRequest = Omit<Shapes["EvaluateRequest"], "num_real" | "priority"> & { num_real?: number };
export type EvaluationBody = Shapes["EvaluateRequest"];
export type Metric = Shapes["MetricOut"];
export type Score = Shapes["ScoreOut"];
export type Better = Score["better"];

export type Architecture = Omit<Shapes["ArchitectureOut"], "hyperparameters" | "presets"> & {
  hyperparameters: Schema;
  presets: Record<string, Values>;
};

export type Dataset = Omit<Shapes["DatasetOut"], "options"> & { options: Schema };
export type Report = Shapes["ReportOut"];
export type Sample = Shapes["SampleOut"];
export type Skipped = Shapes["SkippedOut"];
/** Where pictures can come from. */
export type Sources = Shapes["SourcesOut"];

export type StyleMethod = Omit<Shapes["StyleMethodOut"], "hyperparameters"> & { hyperparameters: Schema };
/** A built-in style. */
export type Style = Shapes["StyleOut"];
/** A picture that was sent. */
export type SentPicture = Shapes["PictureOut"];

export type Version = Shapes["VersionOut"];
export type Model = Shapes["ModelOut"];
export type Picture = Shapes["ImageOut"];
export type ImagesBody = Shapes["ImagesIn"];
export type Preview = Shapes["PreviewOut"];
export type LogFile = Shapes["LogOut"];
export type System = Shapes["SystemOut"];

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
  scoring: Shapes["Scoring"] | null;
  evaluate: string[];
}
export type TrainingBody = paths["/api/v1/training-runs"]["post"]["requestBody"]["content"]["application/json"];

export type StyleTransferBody = paths["/api/v1/style-transfers"]["post"]["requestBody"]["content"]["application/json"];
