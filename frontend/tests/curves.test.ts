import { describe, expect, it } from "vitest";
import { extentOf, panned, plottedOf, smoothed, zoomed } from "../src/lib/curves";
import { besideOf, differencesOf } from "../src/lib/differences";
import { run } from "./jobs";

const loss = { title: "loss", names: ["d/loss", "g/loss"], labels: ["d", "g"], unit: "number" as const };
const one = { name: "run 1", columns: { steps: [1, 3], series: { "d/loss": [1, 2], "g/loss": [5, 6] } } };
const two = { name: "run 2", columns: { steps: [2, 3], series: { "d/loss": [7, 8] } } };

describe("smoothing", () => {
  it("begins at the first value and follows the others as TensorBoard does", () => {
    // 0.5·4 / (1 − 0.5); (0.5·2 + 0.5·8) / (1 − 0.25)
    expect(smoothed([4, 8], 0.5)).toEqual([4, 5 / 0.75]);
  });

  it("leaves gaps where they are, and does not count them", () => {
    expect(smoothed([null, 4, null, 8], 0.5)).toEqual([null, 4, null, 5 / 0.75]);
  });

  it("keeps a constant as it is, however strong", () => {
    for (const value of smoothed([3, 3, 3, 3], 0.99)) expect(value).toBeCloseTo(3);
  });
});

describe("what is drawn", () => {
  it("gives the measures of a single run a colour each", () => {
    const { steps, curves } = plottedOf(loss, [one], 0);
    expect(steps).toEqual([1, 3]);
    expect(curves.map(({ label, colour, dash }) => [label, colour, dash])).toEqual([
      ["d", 1, 0],
      ["g", 2, 0],
    ]);
  });

  it("gives several runs a colour each, at the steps of all", () => {
    const { steps, curves } = plottedOf(loss, [one, two], 0);
    expect(steps).toEqual([1, 2, 3]);
    expect(curves.map(({ label, colour, dash, values }) => [label, colour, dash, values])).toEqual([
      ["run 1 d", 1, 0, [1, null, 2]],
      ["run 1 g", 1, 1, [5, null, 6]],
      ["run 2 d", 2, 0, [null, 7, 8]],
    ]);
  });

  it("keeps the raw curve behind its smoothed one", () => {
    const { curves } = plottedOf(loss, [one], 0.5);
    expect(curves.map(({ key, raw }) => [key, raw])).toEqual([
      ["run 1 d/loss raw", true],
      ["run 1 g/loss raw", true],
      ["run 1 d/loss", false],
      ["run 1 g/loss", false],
    ]);
  });
});

describe("the part that is looked at", () => {
  const all = [0, 1000] as const;

  it("is zoomed around the middle, or around a place", () => {
    expect(zoomed(null, all, 0.5)).toEqual([250, 750]);
    expect(zoomed([200, 400], all, 0.5, 1)).toEqual([300, 400]);
  });

  it("is all when it is zoomed out far enough, and never less than two steps", () => {
    expect(zoomed([250, 750], all, 2)).toBeNull();
    expect(zoomed([10, 12], all, 0.5)).toEqual([10, 12]);
  });

  it("moves up to the ends and keeps its width", () => {
    expect(panned([200, 400], all, 0.5)).toEqual([300, 500]);
    expect(panned([800, 990], all, 0.5)).toEqual([810, 1000]);
    expect(panned(null, all, 0.5)).toBeNull();
  });

  it("lies within the steps of all runs", () => {
    expect(extentOf([one, two])).toEqual([1, 3]);
  });
});

describe("runs beside a run", () => {
  it("are read from an address, each once and not the run itself", () => {
    expect(besideOf("5,6,5,7,x,-1", 7)).toEqual([5, 6]);
    expect(besideOf(undefined, 7)).toEqual([]);
  });

  it("differ in what is not the same", () => {
    const runs = [
      run({ id: 1, dataset: "emoji", hyperparameters: { width: 16, steps: 9, layers: ["a", "b"] } }),
      run({ id: 2, dataset: "digits", hyperparameters: { width: 32, steps: 9 } }),
    ];
    expect(differencesOf(runs, { dataset: "Data set" })).toEqual([
      { name: "Data set", values: ["emoji", "digits"] },
      { name: "Width", values: ["16", "32"] },
      { name: "Layers", values: ["[a,b]", ""] },
    ]);
  });
});
