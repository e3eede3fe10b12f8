import { expect, it } from "vitest";
import { Problem } from "../src/api/problem";
import type { Style, StyleMethod, StyleTransfer } from "../src/api/types";
import { fieldsOf } from "../src/lib/schema";
import {
  againPath,
  changedIn,
  essentials,
  halts,
  nearest,
  styleError,
  stylesIn,
  stylesTitle,
  weights,
  writtenStyles,
} from "../src/lib/style";
import { job } from "./jobs";

const sent = "0123456789abcdef0123456789abcdef";
const mask = "f".repeat(32);

const method = {
  name: "pyramid",
  title: "Pyramid",
  summary: "",
  paper: "",
  hyperparameters: {
    properties: {
      steps: { type: "integer", default: 150, minimum: 1, maximum: 10000 },
      tv_weight: { type: "number", default: 1, minimum: 0, maximum: 1000 },
      style_scale: { type: "number", default: 1.2, minimum: 0.1, maximum: 4 },
      size: { type: "integer", default: 384, minimum: 64, maximum: 4096 },
      style_layers: { type: "array", items: { type: "string" }, default: [] },
    },
  },
} satisfies StyleMethod;
const fields = fieldsOf(method.hyperparameters);
const field = (name: string) => {
  const found = fields.find((known) => known.name === name);
  if (!found) throw new Error(name);
  return found;
};

const transfer = (different: Partial<StyleTransfer["style_transfer"]> = {}, hyperparameters = {}) =>
  job({
    kind: "stylize",
    hyperparameters: { steps: 150, tv_weight: 1, style_scale: 1.2, size: 384, style_layers: [], ...hyperparameters },
    style_transfer: {
      method: "pyramid",
      content: sent,
      styles: [{ picture: "mosaic", weight: 1, mask: null }],
      network: null,
      picture: null,
      ...different,
    },
  }) as StyleTransfer;

it("brings the styles back that it wrote into an address", () => {
  const styles = [
    { picture: "stained-glass", weight: 1, mask: undefined },
    { picture: sent, weight: 0.5, mask: undefined },
    { picture: "mosaic", weight: 1, mask },
  ];
  expect(writtenStyles(styles)).toBe(`stained-glass ${sent}*0.5 mosaic*1*${mask}`);
  expect(stylesIn(writtenStyles(styles))).toEqual(styles);
  expect(writtenStyles([])).toBeUndefined();
  expect(stylesIn(undefined)).toEqual([]);
});

it("reads an address that somebody wrote by hand", () => {
  expect(stylesIn("mosaic  mosaic*2 woodcut*much waves*-1").map(({ picture, weight }) => [picture, weight])).toEqual([
    ["mosaic", 1],
    ["woodcut", 1],
    ["waves", 1],
  ]);
});

it("halts a slider within the bounds, and at the default", () => {
  expect(halts(field("size")).slice(0, 4)).toEqual([64, 96, 128, 192]);
  expect(halts(field("size")).at(-1)).toBe(4096);
  expect(halts(field("size"))).toContain(384);
  expect(halts(field("tv_weight"))[0]).toBe(0);
  expect(halts(field("style_scale"))[0]).toBe(0.1);
  expect(halts(field("style_scale")).at(-1)).toBe(4);
  expect(halts(field("style_scale"))).toContain(1.2);
  for (const name of ["size", "tv_weight", "style_scale"])
    expect(halts(field(name))).toEqual([...halts(field(name))].sort((a, b) => a - b));
});

it("puts a value between two halts to the nearer one", () => {
  expect(nearest([64, 96, 128], 100)).toBe(1);
  expect(nearest([64, 96, 128], 9999)).toBe(2);
  expect(weights[nearest(weights, 1)]).toBe(1);
});

it("shows first what nearly everybody changes, of that what the method has", () => {
  const { first, others } = essentials(fields);
  expect(first.map(({ name }) => name)).toEqual(["size", "style_scale", "tv_weight"]);
  expect(others.map(({ name }) => name)).toEqual(["steps", "style_layers"]);
});

it("names styles by the gallery's titles", () => {
  const gallery = [{ name: "impasto", title: "Swirling impasto" }] as Style[];
  const titled = (...pictures: string[]) =>
    stylesTitle(
      pictures.map((picture) => ({ picture })),
      gallery,
    );
  expect(titled("impasto")).toBe("Swirling impasto");
  expect(titled("impasto", "stained-glass", sent)).toBe("Swirling impasto, Stained-glass and your picture");
  expect(titled(sent, "impasto", mask)).toBe("your picture 1, Swirling impasto and your picture 2");
});

it("tells a style's mistake from that of all", () => {
  const problem = new Problem(422, "", "", [
    { pointer: "/styles", detail: "Too many." },
    { pointer: "/styles/1/mask", detail: "Gone." },
    { pointer: "/styles/10/picture", detail: "Unknown." },
  ]);
  expect(styleError(problem, null)).toBe("Too many.");
  expect(styleError(problem, 0)).toBeUndefined();
  expect(styleError(problem, 1)).toBe("Gone.");
  expect(styleError(null, null)).toBeUndefined();
});

it("says what differs from the defaults, and leads back to the form with it", () => {
  expect(changedIn(transfer(), method)).toEqual({});
  expect(changedIn(transfer({}, { size: 512, style_layers: ["a"] }), method)).toEqual({
    size: "512",
    style_layers: '["a"]',
  });
  const styles = [{ picture: "mosaic", weight: 0.5, mask }];
  const path = againPath(transfer({ styles }, { size: 512 }), method);
  const query = new URLSearchParams(path.split("?")[1]);
  expect(Object.fromEntries(query)).toEqual({
    content: sent,
    style: `mosaic*0.5*${mask}`,
    method: "pyramid",
    "hp.size": "512",
  });
});
