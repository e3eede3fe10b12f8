import { expect, it } from "vitest";
import {
  type Abilities,
  asked,
  classesIn,
  forgotten,
  found,
  shared,
  wishesOf,
  withAttribute,
  withDial,
} from "../src/lib/wishes";

const classes: Abilities = { class_names: ["3", "1", "People & Body"], attribute_names: [], options: [] };
const faces: Abilities = { class_names: [], attribute_names: ["smiling", "hat.tall"], options: [] };
const styled: Abilities = {
  class_names: [],
  attribute_names: [],
  options: ["truncation_psi", "truncation_cutoff", "noise_mode"],
};
const all: Abilities = { ...classes, attribute_names: faces.attribute_names, options: styled.options };
const nothing: Abilities = { class_names: [], attribute_names: [], options: [] };

it.each([
  [{}, {}],
  [{ class: "3" }, { class_weights: { "3": 1 } }],
  [{ class: "" }, { class_weights: {} }],
  [{ class: "horse" }, {}],
  [{ class: "3", mix: "People & Body" }, { class_weights: { "3": 0.5, "People & Body": 0.5 } }],
  [{ class: "3", mix: "1", share: "0.3" }, { class_weights: { "3": 0.7, "1": 0.3 } }],
  [{ class: "3", mix: "1", share: "much" }, { class_weights: { "3": 0.5, "1": 0.5 } }],
  [{ class: "3", mix: "3", share: "0.3" }, { class_weights: { "3": 1 } }],
  [{ class: "3", mix: "horse" }, { class_weights: { "3": 1 } }],
  [{ mix: "1" }, {}],
])("asks a version with classes, of %j, for %j", (query, wishes) => expect(wishesOf(query, classes)).toEqual(wishes));

it("keeps apart which class is the first, whatever an object makes of names that are numbers", () => {
  expect(classesIn({ class: "3", mix: "1", share: "0.3" }, classes)).toEqual({ names: ["3", "1"], share: 0.3 });
});

it.each([
  [{ "attribute.smiling": "1.5", "attribute.hat.tall": "0" }, { attributes: { smiling: 1.5, "hat.tall": 0 } }],
  [{ "attribute.smiling": "", "attribute.hat.tall": "4" }, {}],
  [{ "attribute.beard": "1" }, {}],
  [{}, {}],
])("asks a version with attributes, of %j, for %j", (query, wishes) => expect(wishesOf(query, faces)).toEqual(wishes));

it.each([
  [{ truncation_psi: "0.7" }, { truncation_psi: 0.7 }],
  [
    { truncation_psi: "0.7", truncation_cutoff: "4" },
    { truncation_psi: 0.7, truncation_cutoff: 4 },
  ],
  [{ truncation_cutoff: "4" }, {}],
  [{ truncation_psi: "7" }, {}],
  [{ noise_mode: "random" }, { noise_mode: "random" }],
  [{ noise_mode: "loud" }, {}],
])("asks a version with styles, of %j, for %j", (query, wishes) => expect(wishesOf(query, styled)).toEqual(wishes));

it("asks a version for nothing that it can't do", () => {
  const query = {
    class: "3",
    "attribute.smiling": "1",
    truncation_psi: "0.5",
    truncation_cutoff: "2",
    noise_mode: "none",
  };
  expect(Object.keys(wishesOf(query, all))).toHaveLength(5);
  expect(wishesOf(query, nothing)).toEqual({});
});

it("tells what asks for something from the rest of an address, and forgets it", () => {
  const wishes = { class: "3", mix: "1", "attribute.smiling": "1", noise_mode: "none" };
  expect(asked({ model: "digits", seed: "1", ...wishes })).toEqual(wishes);
  expect({ model: "digits", ...wishes, ...forgotten({ model: "digits", ...wishes }) }).toEqual({
    model: "digits",
    class: undefined,
    mix: undefined,
    "attribute.smiling": undefined,
    noise_mode: undefined,
  });
});

it("changes one attribute of an address, and leaves it to the data again", () => {
  expect(withAttribute("hat.tall", -0.5)).toEqual({ "attribute.hat.tall": "-0.5" });
  expect(withAttribute("hat.tall", undefined)).toEqual({ "attribute.hat.tall": undefined });
});

it("finds names by words in any order, and always shows what is chosen", () => {
  const dogs = ["Afghan hound", "Basset hound", "Black-and-tan coonhound", "Pug"];
  const none = () => false;
  expect(found(dogs, " HOUND b", none)).toEqual(["Basset hound", "Black-and-tan coonhound"]);
  expect(found(dogs, "cat", (name) => name === "Pug")).toEqual(["Pug"]);
  expect(found(dogs, "", none)).toEqual(dogs);
});

it("turns images to what has been found, and to nothing else", () => {
  const dial = (name: string) => ({ name, kind: "attribute" as const, measured: false, accuracy: 0.9 });
  const looked = { ...nothing, dials: [dial("red"), dial("3.5 inch")] };
  const query = { "dial.red": "0.9", "dial.3.5 inch": "0", "dial.blue": "0.5" };
  expect(wishesOf(query, looked)).toEqual({ dial: { red: 0.9, "3.5 inch": 0 } });
  expect(wishesOf({ "dial.red": "1.5" }, looked)).toEqual({});
  expect(wishesOf(query, { ...nothing, dials: null })).toEqual({});
  expect(withDial("red", 0.25)).toEqual({ "dial.red": "0.25" });
  expect(asked({ seed: "1", ...query })).toEqual(query);
  expect(forgotten({ seed: "1", "dial.red": "0.9" })).toEqual({ "dial.red": undefined });
});

it("asks two versions only for what both can do", () => {
  const some: Abilities = { ...classes, class_names: ["1", "4"], options: ["noise_mode"], conditioning: "class" };
  const others: Abilities = { ...all, conditioning: "class" };
  expect(shared(some, others)).toEqual({
    class_names: ["1"],
    attribute_names: [],
    options: ["noise_mode"],
    conditioning: "class",
  });
  expect(shared({ ...nothing, conditioning: "text" }, others).conditioning).toBe("none");
});
