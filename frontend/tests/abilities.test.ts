import { expect, it } from "vitest";
import { canBeAsked, canOf, shared } from "../src/lib/abilities";
import { able } from "./abilities";

it("reads what a version can do out of its schema", () => {
  const can = able(["class_weights", "directions", "truncation_psi"]);
  expect(can.classes).toEqual(["1", "3", "People & Body"].sort());
  expect(can.directions).toEqual([{ name: "sefa-1", label: "width", min: -3, max: 3, hidden: true }]);
  expect(can.options.map(({ name }) => name)).toEqual(["truncation_psi"]);
  expect([can.prompt, can.latent, can.most, can.stops]).toEqual([false, false, 32, 16]);
  expect(can.walk.map(({ name }) => name)).toEqual(["waypoints", "frames"]);
});

it("knows no option by its name: what a schema has gets a control", () => {
  const can = able([], {
    glow: { type: "number", minimum: 0, maximum: 5 },
    grain: { enum: ["a", "b"] },
    odd: { type: "object" },
  });
  expect(can.options.map(({ name, kind }) => [name, kind])).toEqual([
    ["glow", "number"],
    ["grain", "choice"],
  ]);
  expect(canBeAsked(can)).toBe(true);
  expect(canBeAsked(able(["latent"]))).toBe(false);
});

it("hides what is seen too poorly to be turned", () => {
  const told = { images: { properties: { dial: { properties: { red: {}, star: {} } } } }, interpolations: {} };
  const dial = (name: string, accuracy: number | null) =>
    ({ name, kind: "attribute", measured: false, accuracy }) as const;
  const can = canOf({ ...told, layers: null, spaces: ["z"] } as never, [dial("red", 0.9), dial("star", 0.55)]);
  expect(can.dials.map(({ name, hidden }) => [name, hidden])).toEqual([
    ["red", false],
    ["star", true],
  ]);
});

it("asks two versions only for what both can do", () => {
  const both = shared(able(["class_weights", "noise_mode", "directions", "prompt"]), {
    ...able(["noise_mode", "directions", "truncation_psi"]),
    classes: ["1", "4"],
  });
  expect(both.classes).toEqual(["1"]);
  expect(both.options.map(({ name }) => name)).toEqual(["noise_mode"]);
  expect([both.prompt, both.directions]).toEqual([false, []]); // directions are each version's own
});
