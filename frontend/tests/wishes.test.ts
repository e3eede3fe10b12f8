import { expect, it } from "vitest";
import type { Query } from "../src/lib/url";
import {
  asked,
  classesIn,
  evenly,
  forgotten,
  found,
  moved,
  promptsOf,
  queryOf,
  type Wishes,
  wishesOf,
  withAmount,
  withClasses,
  withOption,
  withShare,
} from "../src/lib/wishes";
import { able, properties } from "./abilities";

const classes = able(["class_weights"]);
const all = able(Object.keys(properties) as (keyof typeof properties)[]);
const nothing = able([]);

it.each([
  [{}, {}],
  [{ "class.3": "1" }, { class_weights: { "3": 1 } }],
  [{ class: "none" }, { class_weights: {} }],
  [{ "class.horse": "1" }, {}],
  [{ "class.3": "0.7", "class.People & Body": "0.3" }, { class_weights: { "3": 0.7, "People & Body": 0.3 } }],
  [{ "class.3": "1.5", "class.1": "-0.5" }, { class_weights: { "3": 1.5, "1": -0.5 } }],
  [{ "class.3": "much" }, {}],
] as [Query, Wishes][])("asks a version with classes, of %j, for %j", (query, wishes) =>
  expect(wishesOf(query, classes)).toEqual(wishes),
);

it.each([
  [{ "attribute.smiling": "1.5", "attribute.hat.tall": "0" }, { attributes: { smiling: 1.5, "hat.tall": 0 } }],
  [{ "attribute.smiling": "", "attribute.hat.tall": "4", "attribute.beard": "1" }, {}],
  [{ "dial.red": "0.9", "dial.3.5 inch": "0", "dial.blue": "0.5" }, { dial: { red: 0.9, "3.5 inch": 0 } }],
  [{ "dial.red": "1.5" }, {}],
  [{ "direction.sefa-1": "-2" }, { directions: { "sefa-1": -2 } }],
  [{ latent: "7" }, { latent: 7 }],
  [{ latent: "0" }, {}],
  [
    { "option.truncation_psi": "0.7", "option.truncation_cutoff": "4" },
    { truncation_psi: 0.7, truncation_cutoff: 4 },
  ],
  [{ "option.truncation_cutoff": "4" }, {}],
  [{ "option.truncation_psi": "7" }, {}],
  [{ "option.noise_mode": "random" }, { noise_mode: "random" }],
  [{ "option.noise_mode": "loud" }, {}],
  [
    { prompt: " a star ", negative: "red" },
    { prompt: "a star", negative_prompt: "red" },
  ],
  [{ prompt: "a star", towards: "a heart", share: "0.3" }, { prompt_weights: { "a star": 0.7, "a heart": 0.3 } }],
  [{ negative: "red" }, {}],
] as [Query, Wishes][])("asks a version that can do all, of %j, for %j", (query, wishes) =>
  expect(wishesOf(query, all)).toEqual(wishes),
);

it.each([
  { class_weights: { "3": 0.7, "1": 0.3 }, attributes: { smiling: 1 }, directions: { "sefa-1": -1.5 } },
  { class_weights: {}, dial: { red: 0.9 }, truncation_psi: 0.5, truncation_cutoff: 2, noise_mode: "const" },
  { prompt: "a star", negative_prompt: "red", latent: 7 },
  { prompt_weights: { "a star": 0.7, "a heart": 0.3 } },
] as Wishes[])("finds the address that asks for %j", (wishes) =>
  expect(wishesOf(queryOf(wishes, all) ?? {}, all)).toEqual(wishes),
);

it("says that an address can't hold a latent of numbers, or three prompts", () => {
  expect(queryOf({ latent: [0.5, 1] }, all)).toBeNull();
  expect(queryOf({ prompt_weights: { a: 0.5, b: 0.3, c: 0.2 } }, all)).toBeNull();
});

it("asks for a class by its number as by its name", () =>
  expect(queryOf({ class_index: 1 }, all)).toEqual({ [`class.${all.classes[1]}`]: "1" }));

it("asks a version for nothing that it can't do", () => {
  const query = {
    "class.3": "1",
    "attribute.smiling": "1",
    "option.truncation_psi": "0.5",
    prompt: "a star",
    latent: "1",
  };
  expect(Object.keys(wishesOf(query, all))).toHaveLength(5);
  expect(wishesOf(query, nothing)).toEqual({});
  expect([promptsOf(query, all), promptsOf(query, nothing)]).toEqual([["a star"], []]);
});

it("tells what asks for something from the rest of an address, and forgets it", () => {
  const wishes = { "class.3": "1", "attribute.smiling": "1", "option.noise_mode": "none", latent: "1" };
  expect(asked({ model: "digits", seed: "1", mode: "draw", ...wishes })).toEqual(wishes);
  expect(Object.values(forgotten({ model: "digits", ...wishes }))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

it("changes one thing of an address, and leaves it alone again", () => {
  expect(withAmount("attributes", "hat.tall", -0.5)).toEqual({ "attribute.hat.tall": "-0.5" });
  expect(withAmount("directions", "sefa-1", undefined)).toEqual({ "direction.sefa-1": undefined });
  expect(withOption("noise_mode", "")).toEqual({ "option.noise_mode": undefined });
});

it("chooses classes in place of those before", () => {
  const query = { "class.3": "1", seed: "1" };
  expect({ ...query, ...withClasses(query, evenly(["1", "People & Body"])) }).toEqual({
    seed: "1",
    class: undefined,
    "class.3": undefined,
    "class.1": "0.5",
    "class.People & Body": "0.5",
  });
  expect(withClasses(query, new Map()).class).toBe("none");
  expect(classesIn({ class: "none" }, classes.classes)?.size).toBe(0);
});

it("shares a mixture out, so that it stays whole", () => {
  const three = evenly(["a", "b", "c"]);
  const shares = withShare(three, "b", 0.5);
  expect([...shares]).toEqual([
    ["a", 0.25],
    ["b", 0.5],
    ["c", 0.25],
  ]);
  expect([...withShare(new Map(Object.entries({ a: 1, b: 0 })), "a", 0.4).values()]).toEqual([0.4, 0.6]);
});

it("draws what is written when somebody says so", () =>
  expect(moved({ prompt: "a star", prompt_weights: {}, truncation_psi: 0.5 })).toEqual({ truncation_psi: 0.5 }));

it("finds names by words in any order, and always shows what is chosen", () => {
  const dogs = ["Afghan hound", "Basset hound", "Black-and-tan coonhound", "Pug"].map((label) => ({ label }));
  const names = (sought: string, chosen = "") =>
    found(dogs, sought, ({ label }) => label === chosen).map(({ label }) => label);
  expect(names(" HOUND b")).toEqual(["Basset hound", "Black-and-tan coonhound"]);
  expect(names("cat", "Pug")).toEqual(["Pug"]);
  expect(names("")).toHaveLength(4);
});
