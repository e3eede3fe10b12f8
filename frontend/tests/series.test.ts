import { expect, it } from "vitest";
import { append, type Columns, noColumns, quantities, thin } from "../src/lib/series";

it("appends a point and fills what is absent with null", () => {
  const one = append(noColumns, { step: 1, values: { "a/loss": 2 } });
  const two = append(one, { step: 5, values: { "b/loss": 3 } });
  expect(two).toEqual({ steps: [1, 5], series: { "a/loss": [2, null], "b/loss": [null, 3] } });
});

it("leaves a replayed point out", () => {
  const columns: Columns = { steps: [1, 5], series: { x: [1, 2] } };
  expect(append(columns, { step: 5, values: { x: 9 } })).toBe(columns);
});

it("thins to fewer points and keeps the newest", () => {
  const columns: Columns = { steps: [1, 2, 3, 4], series: { x: [1, 2, 3, 4] } };
  expect(thin(columns, 3)).toEqual({ steps: [2, 4], series: { x: [2, 4] } });
  expect(thin(columns, 4)).toBe(columns);
});

it("makes one chart a quantity, the loss first, and tells the curves apart by what differs", () => {
  const names = [
    "d/real_logit",
    "d/fake_logit",
    "d/gradient_norm",
    "g/gradient_norm",
    "d/loss",
    "g/loss",
    "vae/log_sigma",
  ];
  const groups = quantities({ steps: [], series: Object.fromEntries(names.map((name) => [name, []])) });
  expect(groups.map(({ title, labels }) => [title, labels])).toEqual([
    ["loss", ["d", "g"]],
    ["logit", ["d fake", "d real"]],
    ["gradient norm", ["d", "g"]],
    ["log sigma", ["vae"]],
  ]);
});

it("keeps the engine's own measures last, each its own, in units that people read", () => {
  const names = [
    "memory/device",
    "memory/process",
    "speed/data_wait",
    "speed/images_per_second",
    "training/learning_rate_factor",
    "training/skipped_steps",
    "training/warmup_steps",
    "vae/loss",
    "discriminator/real_score",
    "discriminator/fake_score",
    "samples/diversity",
  ];
  const groups = quantities({ steps: [], series: Object.fromEntries(names.map((name) => [name, []])) });
  expect(groups.map(({ title, labels, unit }) => [title, labels, unit])).toEqual([
    ["loss", ["vae"], "number"],
    ["score", ["discriminator fake", "discriminator real"], "number"],
    ["diversity", ["samples"], "number"],
    ["data wait", ["speed"], "share"],
    ["images per second", ["speed"], "number"],
    ["memory", ["device", "process"], "bytes"],
    ["learning rate factor", ["training"], "number"],
    ["skipped steps", ["training"], "number"],
    ["warmup steps", ["training"], "number"],
  ]);
});
