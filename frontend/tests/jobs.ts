/** Jobs for tests: one that waits in the queue, with what a test wants to be different. */

import type { Evaluation, Job, TrainingRun } from "../src/api/types";

export function job(different: Partial<Job> = {}): Job {
  return {
    id: 1,
    revision: 1,
    kind: "train",
    status: "queued",
    cancel_requested: false,
    pause_requested: false,
    priority: 0,
    queue_position: null,
    stage: null,
    step: 0,
    total_steps: 100,
    progress: 0,
    images_per_second: null,
    eta_seconds: null,
    error: null,
    alarms: [],
    restarts: 0,
    retry_of: null,
    continues: null,
    architecture: "dcgan",
    dataset: "emoji",
    dataset_options: {},
    model: "first",
    version: null,
    preset: "debug",
    hyperparameters: {},
    seed: 0,
    start_from: null,
    preview: null,
    log: null,
    created_at: "2026-01-10T12:00:00Z",
    started_at: null,
    finished_at: null,
    ...different,
  };
}

export const run = (different: Partial<TrainingRun> = {}) => job(different) as TrainingRun;

export const preparation = (different: Partial<Job> = {}) =>
  job({ kind: "prepare", architecture: null, model: null, preset: null, seed: null, dataset: "birds", ...different });

export const evaluation = (different: Partial<Evaluation> = {}) =>
  job({
    kind: "evaluate",
    preset: null,
    evaluation: {
      subject: "first@1",
      version: 1,
      metrics: ["fid"],
      num_samples: 5000,
      network: "lite0",
      seed: 0,
      truncation_psi: null,
      scores: [],
    },
    ...different,
  }) as Evaluation;
