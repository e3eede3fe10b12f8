import { expect, it } from "vitest";
import { appendText, windowOf } from "../src/lib/log";

it("joins chunks that end within a line", () => {
  const lines = appendText(appendText([], "step 1\nst"), "ep 2\n");
  expect(lines).toEqual(["step 1", "step 2", ""]);
});

it("shows a line that is written anew once", () => {
  expect(appendText([], "10 %\r50 %\rdone\n")).toEqual(["done", ""]);
});

it("keeps the page small however long the log is", () => {
  const [first, end] = windowOf(100_000, 1_000_000, 400, 20);
  expect(first).toBeLessThanOrEqual(50_000);
  expect(end).toBeGreaterThanOrEqual(50_020);
  expect(end - first).toBeLessThan(100);
  expect(windowOf(3, 0, 400, 20)).toEqual([0, 3]);
});
