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
export type VersionsQuery = NonNullable<paths["/api/v1/versions"]["get"]["parameters"]["query"]>;
/** What a metric said of a version last. */
export type ScoreBrief = Shapes["ScoreBriefOut"];
export type AliasTerm = Shapes["AliasTermOut"];
/** A version in the bin. */
export type Binned = Shapes["BinnedOut"];
export type Picture = Shapes["ImageOut"];
export type ImagesBody = Shapes["ImagesIn"];
/** An image of the history, with the request that draws it again. */
export type Kept = Shapes["KeptImageOut"];
export type ImageChanges = Shapes["KeptImageIn"];
export type HistoryQuery = NonNullable<paths["/api/v1/images"]["get"]["parameters"]["query"]>;
/** What a picture's file tells of itself. */
export type Inspection = Shapes["InspectionOut"];
/** An image that others are made of. */
export type Stop = Shapes["EndIn"];
export type WalkBody = Partial<Shapes["InterpolationIn"]> & { waypoints: Stop[] };
export type WalkMade = Shapes["InterpolationOut"];
export type Frame = WalkMade["items"][number];
export type MixBody = Partial<Shapes["StyleMixingIn"]> & { rows: number[]; columns: number[] };
export type Mixed = Shapes["StyleMixingOut"];
export type ComparisonBody = Shapes["ComparisonIn"];
export type Compared = Shapes["ComparisonOut"];
/** A slider that a discovery has found. */
export type Direction = Omit<Shapes["DirectionOut"], "layers"> & { layers?: number[] | null };
/** A job of kind project: what it looks for is known. */
export type Projection = Job & { kind: "project"; projection: Shapes["ProjectionOut"] };
export type ProjectionBody = Shapes["ProjectRequest"];
export type Preview = Shapes["PreviewOut"];
export type LogFile = Shapes["LogOut"];
export type System = Shapes["SystemOut"];
export type Setting = Shapes["SettingOut"];
export type Part = Shapes["PartOut"];
export type FirstStep = Shapes["FirstStepOut"];

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
