import { expect, it } from "vitest";
import { address, below, prefixed, replaced } from "../src/lib/url";

it("keeps what is empty and leaves out what is undefined", () => {
  expect(address("/train", { model: "", preset: undefined, "hp.steps": "3" })).toBe("/train?model=&hp.steps=3");
  expect(address("/train", {})).toBe("/train");
});

it("carries drafts under a prefix", () => {
  const query = { model: "m", ...prefixed({ steps: "3" }, "hp.") };
  expect(below(query, "hp.")).toEqual({ steps: "3" });
});

it("replaces all drafts under a prefix", () => {
  const query = { model: "m", "hp.steps": "3", "hp.size": "64" };
  expect(replaced(query, "hp.", { size: "96" })).toEqual({ "hp.steps": undefined, "hp.size": "96" });
});
