import { describe, expect, it } from "vitest";
import type { Architecture, Dataset } from "../src/api/types";
import { conditioningOf, costsOtherwise, lacking, otherWay, secondsOf } from "../src/lib/fit";
import { roughly } from "../src/lib/format";
import { isLike, toggled } from "../src/lib/runs";
import { fieldsOf } from "../src/lib/schema";
import { run } from "./jobs";

const data = (different: Partial<Dataset>) =>
  ({ class_names: [], attribute_names: [], has_captions: false, ...different }) as Dataset;

describe("what a data set must have", () => {
  it("follows from the architecture, unless a hyper-parameter chooses", () => {
    const architecture = { conditioning: "class" } as Architecture;
    expect(conditioningOf(architecture, {})).toBe("class");
    expect(conditioningOf(architecture, { conditions: "attributes" })).toBe("attributes");
  });

  it("is two classes, an attribute, or anything that can be said", () => {
    expect(lacking("none", data({}))).toBeNull();
    expect(lacking("class", data({ class_names: ["one"] }))).toBe("class");
    expect(lacking("class", data({ class_names: ["a", "b"] }))).toBeNull();
    expect(lacking("attributes", data({ class_names: ["a", "b"] }))).toBe("attributes");
    expect(lacking("text", data({}))).toBe("text");
    expect(lacking("text", data({ has_captions: true }))).toBeNull();
    expect(lacking("text", data({ attribute_names: ["red"] }))).toBeNull();
  });

  it("may be had in another way", () => {
    const fields = fieldsOf({ properties: { conditions: { enum: ["class", "attributes"], default: "class" } } });
    expect(otherWay(fields, data({ attribute_names: ["red"] }))).toBe("attributes");
    expect(otherWay(fields, data({}))).toBeUndefined();
    expect(otherWay([], data({ attribute_names: ["red"] }))).toBeUndefined();
  });
});

describe("what a run costs", () => {
  const estimate = { images: 3200, seconds: 100, basis: "figure" as const, runs: 0, parameters: null, memory: null };
  const preset = { steps: 100, batch_size: 32, epochs: null, minutes: null };

  it("grows with its steps, its batches or its epochs", () => {
    expect(secondsOf(estimate, preset, preset, 500)).toBe(100);
    expect(secondsOf(estimate, preset, { ...preset, steps: 300 }, 500)).toBe(300);
    expect(secondsOf(estimate, preset, { ...preset, batch_size: 16 }, 500)).toBe(50);
    expect(secondsOf(estimate, preset, { ...preset, epochs: 64 }, 500)).toBe(1000);
  });

  it("is what somebody gave it, or not known", () => {
    expect(secondsOf(estimate, preset, { ...preset, minutes: 3 }, 500)).toBe(180);
    expect(secondsOf({ ...estimate, seconds: null }, preset, preset, 500)).toBeNull();
    expect(secondsOf(undefined, preset, preset, 500)).toBeNull();
  });

  it("is another matter with other networks, and not with other rates", () => {
    expect(costsOtherwise(["steps", "learning_rate"], { steps: 9, learning_rate: 0.001 })).toBe(false);
    expect(costsOtherwise(["width"], { width: 64 })).toBe(true);
  });

  it.each([
    [0.4, "about 1 second"],
    [40, "about 40 seconds"],
    [100, "about 2 minutes"],
    [1130, "about 20 minutes"],
    [9000, "about 3 hours"],
    [260_000, "about 3 days"],
    [26_000_000, "about 300 days"],
  ])("is told no more exactly than it is known: %d", (seconds, words) => {
    expect(roughly(seconds)).toBe(words);
  });
});

describe("a list of runs", () => {
  const one = run({ id: 5, model: "Cats", architecture: "dcgan", dataset: "emoji", preset: "quick", status: "failed" });

  it("shows what is like the filters", () => {
    expect(isLike({}, one)).toBe(true);
    expect(isLike({ q: " cat QUICK" }, one)).toBe(true);
    expect(isLike({ q: "cats dogs" }, one)).toBe(false);
    expect(isLike({ status: "running" }, one)).toBe(false);
    expect(isLike({ architecture: "dcgan", dataset: "emoji", model: "Cats", status: "failed" }, one)).toBe(true);
    expect(isLike({ dataset: "digits" }, one)).toBe(false);
  });

  it("lets runs be chosen and left again", () => {
    expect(toggled([], 5)).toBe("5");
    expect(toggled([5], 7)).toBe("5,7");
    expect(toggled([5, 7], 5)).toBe("7");
    expect(toggled([5], 5)).toBeUndefined();
  });
});
