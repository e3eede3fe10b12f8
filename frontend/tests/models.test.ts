import { describe, expect, it } from "vitest";
import type { Model, ScoreBrief, Version } from "../src/api/types";
import {
  byModel,
  columns,
  compared,
  isBundle,
  kindred,
  mainScores,
  nameFrom,
  nextOfKin,
  pairsOf,
  scoreIn,
  toggled,
} from "../src/lib/models";

const score = (metric: string, network = "lite0", value = 1) => ({ metric, network, value }) as ScoreBrief;
const version = (model: string, number: number, scores: ScoreBrief[] = []) =>
  ({ model, version: number, scores }) as Version;

describe("models as cards", () => {
  it("stand where their first version stood, and count those that were found", () => {
    const found = byModel([version("cats", 3), version("dogs", 1), version("cats", 1)]);
    expect(found.map(({ model, version: { version }, versions }) => [model, version, versions])).toEqual([
      ["cats", 3, 2],
      ["dogs", 1, 1],
    ]);
  });

  it("show what people look for first, each metric once, through Inception where it was", () => {
    const scores = [score("lpips"), score("kid"), score("fid", "lite0"), score("fid", "inception")];
    expect(mainScores(scores, 2).map(({ metric, network }) => [metric, network])).toEqual([
      ["fid", "inception"],
      ["kid", "lite0"],
    ]);
  });

  it("share columns, in which some have no score", () => {
    const versions = [version("cats", 2, [score("ppl", "vgg", 7)]), version("cats", 1, [score("fid")])];
    const shared = columns(versions, 4);
    expect(shared.map(({ metric }) => metric)).toEqual(["fid", "ppl"]);
    expect(shared.map((column) => scoreIn(versions[0] as Version, column)?.value)).toEqual([undefined, 7]);
  });
});

describe("a comparison in the address", () => {
  it("has two versions at most, and no nonsense", () => {
    expect([compared("3,1"), compared("3,3,x,-1"), compared("1,2,3"), compared(undefined)]).toEqual([
      [3, 1],
      [3],
      [1, 2],
      [],
    ]);
  });

  it("takes a third in place of the first, and can be left", () => {
    expect([toggled([], 1), toggled([1, 2], 3), toggled([1, 2], 1), toggled([1], 1)]).toEqual([
      "1",
      "2,3",
      "2",
      undefined,
    ]);
  });
});

describe("what is brought", () => {
  it.each([
    ["digits-dcgan-v2.zip", "digits-dcgan"],
    ["Digits DCGAN v12 (1).zip", "digits-dcgan"],
    ["generator.pth", "generator"],
    ["_.safetensors", ""],
  ])("%s is called %s until somebody says so", (file, name) => {
    expect(nameFrom(file)).toBe(name);
  });

  it("says itself what it is only as a zip", () => {
    expect([isBundle("a.ZIP"), isBundle("a.pth")]).toEqual([true, false]);
  });

  it("has hyper-parameters in words", () => {
    expect(pairsOf("resolution=32, loss=hinge ,x, flag = true")).toEqual({ resolution: 32, loss: "hinge", flag: true });
  });
});

describe("what a version is compared with", () => {
  const of = (name: string, dataset: string, resolution: number) => {
    const latest = { model: name, version: 1, dataset, image: { resolution, channels: 1 } } as Version;
    return { name, latest } as Model;
  };
  const [small, faces, digits, more] = [
    of("a", "toys", 16),
    of("b", "faces", 32),
    of("c", "digits", 28),
    of("d", "digits", 32),
  ];
  const models = [small, faces, digits, more] as Model[];

  it("is of the same data set first, then of the same size, then anything", () => {
    const groups = kindred(models, more?.latest as Version);
    expect(groups.map(([kinship, members]) => [kinship, members.map(({ name }) => name)])).toEqual([
      ["dataset", ["c", "d"]],
      ["size", ["b"]],
      ["other", ["a"]],
    ]);
    expect(kindred([more as Model], more?.latest as Version).map(([kinship]) => kinship)).toEqual(["dataset"]);
  });

  it("is another model, unless there is none", () => {
    expect(nextOfKin(models, more?.latest as Version)?.name).toBe("c");
    expect(nextOfKin(models, faces?.latest as Version)?.name).toBe("d");
    expect(nextOfKin([faces as Model], faces?.latest as Version)).toBe(undefined);
  });
});
