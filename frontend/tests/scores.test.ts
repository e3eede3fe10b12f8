import { expect, it } from "vitest";
import type { Score } from "../src/api/types";
import {
  boards,
  circumstanceWords,
  difference,
  lacks,
  missing,
  progressions,
  sorted,
  standing,
  usualFirst,
  withError,
} from "../src/lib/scores";
import { metric, pathLength, score } from "./scores";

it.each([
  [34.2134, 0.5321, "34.21 ± 0.53"],
  [118.14, 10.0976, "118 ± 10"],
  [118.14, 9.97, "118 ± 10"],
  [0.255, 0.005, "0.2550 ± 0.0050"],
  [12345.6, 234.5, "12,346 ± 235"],
  [-0.00012, 0.00034, "−0.00012 ± 0.00034"],
  [34.2134, null, "34.21"],
  [1, 0, "1 ± 0"],
])("writes %d with the error %d as %s", (value, error, words) => expect(withError({ value, error })).toBe(words));

const best = score();
const close = score({ id: 2, job: 2, model: "second", subject: "second@1", value: 31 });
const far = score({ id: 3, job: 3, model: "third", subject: "third@1", value: 50 });

it.each([
  [best, close, "level"],
  [best, far, "first"],
  [far, best, "second"],
  [score({ better: "higher" }), score({ better: "higher", value: 50 }), "second"],
  [best, score({ value: 50, error: null }), "unknown"],
  [best, score({ value: 30 + 1.96 * Math.SQRT2 * 0.99 }), "level"],
  [best, score({ value: 30 + 1.96 * Math.SQRT2 * 1.01 }), "first"],
])("says which of two is better only where that is more than the errors", (a, b, verdict) =>
  expect(difference(a, b).verdict).toBe(verdict),
);

it("gives a difference the errors of both", () =>
  expect(difference(score({ error: 3 }), score({ value: 40, error: 4 }))).toMatchObject({ value: 10, error: 5 }));

it("puts on one board what was measured alike, and nothing else in its columns", () => {
  const fewer = score({ id: 4, num_generated: 200, comparable: "fid lite0 200 digits" });
  const others = score({ id: 5, fingerprint: "e".repeat(64), real: "emoji", comparable: "fid lite0 5000 emoji" });
  const precision = score({
    id: 6,
    metric: "precision",
    title: "Precision (lite0)",
    better: "higher",
    comparable: "p",
  });
  const all = boards([precision, others, fewer, close, best]);
  expect(all.map(({ words }) => words)).toEqual([
    "5,000 drawn against 1,500 real pictures of digits (train), seen by EfficientNet-Lite0",
    "5,000 drawn against 1,500 real pictures of emoji (train), seen by EfficientNet-Lite0",
    "200 drawn against 1,500 real pictures of digits (train), seen by EfficientNet-Lite0",
  ]);
  expect(all[0]?.columns.map(({ title }) => title)).toEqual(["Fréchet distance (lite0)", "Precision (lite0)"]);
  expect(all[0]?.rows.map(({ subject, cells }) => [subject, cells.size])).toEqual([
    ["first@1", 2],
    ["second@1", 1],
  ]);
  expect(new Set(all.map(({ key }) => key)).size).toBe(3);
});

it("keeps apart, and tells apart, real sets of one name", () => {
  const small = score({ conventions: { resolution: 32 } });
  const other = { fingerprint: "e".repeat(64), comparable: "other" };
  const ends = (...scores: Score[]) => boards(scores).map(({ words }) => words.split(", ").at(-1));
  expect(ends(score({ ...other, conventions: { resolution: 64 } }), small)).toEqual(["at 64 px", "at 32 px"]);
  expect(ends(score({ ...other, conventions: { resolution: 32 } }), small)).toEqual([
    "content eeeeee",
    "content ffffff",
  ]);
});

it("keeps apart in columns what is called the same and can't be compared", () => {
  const [board] = boards([
    score({ id: 2, comparable: "new", conventions: { subsets: 50 } }),
    score({ conventions: { subsets: 100 } }),
  ]);
  expect(board?.columns.map(({ apart }) => apart)).toEqual(["subsets 50", "subsets 100"]);
});

it("shows the newest where a version was measured again, and truncation as a row of its own", () => {
  const [board] = boards([score({ id: 9, value: 20, truncation_psi: 0.5 }), score({ id: 8, value: 29 }), best]);
  expect(board?.rows.map(({ truncation, cells }) => [truncation, [...cells.values()].map(({ id }) => id)])).toEqual([
    [0.5, [9]],
    [null, [8]],
  ]);
});

it("puts what needs no real pictures beside what was measured with it, else on a board of its own", () => {
  const all = boards([pathLength({ id: 11, job: 7 }), pathLength({ id: 10 }), best]);
  expect(all.map(({ columns }) => columns.map(({ metric }) => metric))).toEqual([["ppl2_wend"], ["fid", "ppl2_wend"]]);
  expect(all[0]?.words).toBe("5,000 drawn, none real, seen by EfficientNet-Lite0");
});

it("leaves what runs were measured by on their way out of the boards", () =>
  expect(boards([score({ step: 10 })])).toEqual([]));

it("sorts by a column, best or worst first, and what lacks it last", () => {
  const [board] = boards([score({ id: 4, subject: "fourth@1", comparable: "other" }), far, close, best]);
  const by = board?.columns.find(({ comparable }) => comparable === best.comparable);
  if (!board || !by) throw new Error("no board");
  const order = (worst: boolean) => sorted(board.rows, by, worst).map(({ subject }) => subject);
  expect(order(false)).toEqual(["first@1", "second@1", "third@1", "fourth@1"]);
  expect(order(true)).toEqual(["third@1", "second@1", "first@1", "fourth@1"]);
  const higher = { ...by, better: "higher" as const };
  expect(sorted(board.rows, higher)[0]?.subject).toBe("third@1");
});

it("marks the best, and what can't be told from it", () => {
  const [board] = boards([far, close, best]);
  const [column] = board?.columns ?? [];
  if (!board || !column) throw new Error("no board");
  expect([...standing(board.rows, column)]).toEqual([
    [2, "level"],
    [1, "best"],
  ]);
  expect(standing(board.rows.slice(0, 1), column).size).toBe(0);
});

it("draws on one axis only what is comparable, with the best step of each run", () => {
  const on = (id: number, job: number, step: number, value: number, more = {}) =>
    score({ id, job, step, value, version: null, model: `run${job}`, ...more });
  const all = progressions([
    on(6, 3, 10, 1, { comparable: "other" }),
    on(5, 2, 10, 80),
    on(4, 1, 30, 45),
    on(3, 1, 20, 40),
    on(2, 1, 10, 90),
    best,
  ]);
  expect(all.map(({ of, runs }) => [of.comparable, runs.map(({ job }) => job)])).toEqual([
    ["other", [3]],
    [best.comparable, [2, 1]],
  ]);
  expect(all[1]?.runs[1]?.points.map(({ step }) => step)).toEqual([10, 20, 30]);
  expect(all[1]?.runs[1]?.best.step).toBe(20);
});

it.each([
  [
    { fingerprint: null, num_real: null, real: null, split: null },
    "5,000 drawn, none real, seen by EfficientNet-Lite0",
  ],
  [
    { num_real: null, real: "cifar.npz", split: "file" },
    "5,000 drawn against the statistics in cifar.npz, seen by EfficientNet-Lite0",
  ],
  [
    { split: "all", network: "inception", num_real: 1 },
    "5,000 drawn against 1 real picture of digits, seen by Inception v3",
  ],
])("says under what circumstances %j was measured", (different, words) =>
  expect(circumstanceWords(score(different))).toBe(words),
);

const plain = { conditioning: "none" as const, options: [], dials: null };

it.each([
  ["statistics", plain, null],
  ["captions", plain, "words"],
  ["captions", { ...plain, conditioning: "text" as const }, null],
  ["classes", { ...plain, conditioning: "class" as const }, null],
  ["classifier", { ...plain, conditioning: "class" as const }, "words"],
  ["classifier", { ...plain, dials: [] }, null],
  ["styles", plain, "words"],
  ["styles", { ...plain, options: ["truncation_psi"] }, null],
  ["what comes later", plain, null],
])("knows whether a version has what needs %s", (name, version, words) =>
  expect(lacks(metric({ needs: [{ name, words: "words" }] }), version)).toBe(words),
);

it("says once what to do about a network that is not here", () => {
  expect(missing([metric(), metric({ name: "kid" })], "inception")).toEqual(["atelier features fetch inception"]);
  expect(missing([metric()], "lite0")).toEqual([]);
});

it("offers the usual metrics first", () => {
  const names = ["recall", "class_fid", "fid", "coverage", "kid"];
  expect(usualFirst(names.map((name) => metric({ name }))).map(({ name }) => name)).toEqual([
    "fid",
    "kid",
    "recall",
    "class_fid",
    "coverage",
  ]);
});
