import { describe, expect, it } from "vitest";
import {
  baseline,
  bounds,
  chosen,
  decode,
  differing,
  edit,
  encode,
  fieldsOf,
  grouped,
  type Schema,
} from "../src/lib/schema";

/** As pydantic writes it. */
const schema: Schema = {
  type: "object",
  $defs: { Mode: { enum: ["a", "b"], type: "string" } },
  properties: {
    steps: { type: "integer", minimum: 1, maximum: 10_000_000, default: 5000, description: "Training steps." },
    learning_rate: { type: "number", exclusiveMinimum: 0, maximum: 0.1, default: 0.0002 },
    flip: { type: "boolean", default: true },
    resolution: { type: "integer", enum: [16, 32, 64], default: 32 },
    mode: { $ref: "#/$defs/Mode", default: "a" },
    clip: { anyOf: [{ type: "number", minimum: 0 }, { type: "null" }], default: null },
    categories: { type: "array", items: { enum: ["x", "y", "z"], type: "string" }, minItems: 1, default: ["z", "x"] },
    note: { type: "string", maxLength: 3, default: "" },
    size: { type: "array", default: [1, 2] },
    epochs: { anyOf: [{ type: "number", exclusiveMinimum: 0 }, { type: "null" }], default: null, group: "budget" },
    precision: { type: "string", enum: ["float32", "bfloat16"], default: "float32", group: "hardware" },
    split: { type: "string", enum: ["train", "all"], default: "train", group: "data" },
    novelty: { type: "boolean", default: false, group: "something new" },
  },
};
const fields = fieldsOf(schema);
const field = (name: string) => {
  const found = fields.find((f) => f.name === name);
  if (!found) throw new Error(name);
  return found;
};

describe("fieldsOf", () => {
  it("tells the kind of every field", () => {
    expect(Object.fromEntries(fields.map((f) => [f.name, f.kind]))).toEqual({
      steps: "integer",
      learning_rate: "number",
      flip: "boolean",
      resolution: "choice",
      mode: "choice",
      clip: "number",
      categories: "choices",
      note: "text",
      size: "json",
      epochs: "number",
      precision: "choice",
      split: "choice",
      novelty: "boolean",
    });
    expect(field("clip").nullable).toBe(true);
    expect(field("mode").choices).toEqual(["a", "b"]);
  });

  it("says the bounds in words", () => {
    expect(bounds(field("steps"))).toBe("1 to 10,000,000");
    expect(bounds(field("learning_rate"))).toBe("above 0 to 0.1");
    expect(bounds(field("clip"))).toBe("at least 0; empty: not used");
    expect(bounds(field("flip"))).toBe("");
  });
});

it("groups what every architecture has, after the architecture's own", () => {
  expect(grouped(fields).map(([group, members]) => [group, members.length])).toEqual([
    ["", 9],
    ["budget", 1],
    ["data", 1],
    ["hardware", 1],
    ["something new", 1],
  ]);
});

describe("decode", () => {
  it.each([
    ["steps", "12", { value: 12 }],
    ["steps", " 1e3 ", { value: 1000 }],
    ["steps", "", { error: "Write a number." }],
    ["steps", "ten", { error: "Write a number." }],
    ["steps", "1.5", { error: "Write a whole number." }],
    ["steps", "0", { error: "At least 1." }],
    ["steps", "10000001", { error: "At most 10,000,000." }],
    ["learning_rate", "2e-4", { value: 0.0002 }],
    ["learning_rate", "0", { error: "More than 0." }],
    ["clip", "", { value: null }],
    ["epochs", "2.5", { value: 2.5 }],
    ["epochs", "0", { error: "More than 0." }],
    ["flip", "false", { value: false }],
    ["resolution", "64", { value: 64 }],
    ["resolution", "65", { error: "Choose one of 16, 32, 64." }],
    ["categories", "z,x,nonsense", { value: ["x", "z"] }],
    ["categories", "", { error: "At least 1 choice." }],
    ["note", "long", { error: "At most 3 characters." }],
    ["size", "[3, 4]", { value: [3, 4] }],
    ["size", "[3,", { error: "Write a value as JSON." }],
  ])("%s: %j", (name, draft, decoded) => {
    expect(decode(field(name), draft)).toEqual(decoded);
  });

  it("reads back what encode wrote, for every default", () => {
    for (const f of fields) {
      const decoded = decode(f, encode(f, f.default));
      const expected = f.name === "categories" ? ["x", "z"] : f.default; // a set, in the order of its choices
      expect(decoded, f.name).toEqual({ value: expected });
    }
  });
});

describe("drafts", () => {
  const base = baseline(fields, { steps: 100, clip: null });

  it("begin from the preset over the defaults", () => {
    expect(base).toMatchObject({ steps: 100, flip: true, clip: null });
  });

  it("are forgotten when they say what the preset says", () => {
    const drafts = edit({}, field("steps"), base, "200");
    expect(drafts).toEqual({ steps: "200" });
    expect(edit(drafts, field("steps"), base, "100")).toEqual({});
  });

  it("keep what differs, and only of fields that exist", () => {
    expect(differing(fields, base, { steps: "100", flip: "false", gone: "1" })).toEqual({ flip: "false" });
  });

  it("become values, and messages where they cannot", () => {
    expect(chosen(fields, { steps: "7", learning_rate: "x" })).toEqual({
      values: { steps: 7 },
      errors: { learning_rate: "Write a number." },
    });
  });
});
