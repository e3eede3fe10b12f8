/** Scores for tests: a Fréchet distance of a version of digits, with what a test wants to be different. */

import type { Metric, Score } from "../src/api/types";

export function score(different: Partial<Score> = {}): Score {
  return {
    id: 1,
    job: 1,
    model: "first",
    version: 1,
    step: null,
    subject: "first@1",
    metric: "fid",
    title: "Fréchet distance (lite0)",
    better: "lower",
    value: 30,
    error: 1,
    interval: null,
    num_real: 1500,
    num_generated: 5000,
    network: "lite0",
    network_digest: "a".repeat(64),
    resize: "bilinear to 224",
    averaged: true,
    truncation_psi: null,
    seed: 0,
    real: "digits",
    fingerprint: "f".repeat(64),
    split: "train",
    conventions: {},
    details: {},
    code: {},
    comparable: "fid lite0 5000 digits",
    created_at: "2026-01-10T12:00:00Z",
    ...different,
  };
}

/** What needs no real pictures. */
export const pathLength = (different: Partial<Score> = {}) =>
  score({
    metric: "ppl2_wend",
    title: "Path length (lite0)",
    num_real: null,
    real: null,
    fingerprint: null,
    split: null,
    comparable: "ppl lite0",
    ...different,
  });

export function metric(different: Partial<Metric> = {}): Metric {
  return {
    name: "fid",
    summary: "How far they are from the real ones.",
    paper: "https://arxiv.org/abs/1706.08500",
    better: "lower",
    needs: [{ name: "statistics", words: "a real set" }],
    least: 10,
    titles: [
      { network: "lite0", title: "Fréchet distance (lite0)", through: "lite0", missing: null },
      { network: "inception", title: "FID", through: "inception", missing: "atelier features fetch inception" },
    ],
    ...different,
  };
}
