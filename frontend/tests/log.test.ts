import { expect, it, vi } from "vitest";
import { Log, pieces, Selection } from "../src/lib/log";

function logOf(...chunks: string[]): Log {
  const log = new Log();
  for (const chunk of chunks) log.append(chunk);
  return log;
}

const all = { level: "info", find: "", columns: Number.POSITIVE_INFINITY } as const;

it("joins chunks that end within a line", () => {
  expect(logOf("step 1\nst", "ep 2\n").lines).toEqual(["step 1", "step 2"]);
  expect(logOf("a", "b", "c\n\n", "d").lines).toEqual(["abc", "", "d"]);
});

it("shows a line that is written anew once", () => {
  expect(logOf("10 %\r50 %", "\rdone\n").lines).toEqual(["done"]);
});

it("tells the level of each line, and of what belongs to it", () => {
  const log = logOf(
    "Loaded.\n12:00:00 INFO    step 1\n12:00:01 WARNING The losses swing.\n12:00:02 step 2, of an old log\n",
    "12:00:03 ERROR   Failed.\nTraceback (most recent call last):\n  File\nValueError: no\n12:00:04 INFO    x\n",
    "torch/x.py:1: UserWarning: old\n",
  );
  expect(log.levels.map((level) => level[0]).join("")).toBe("iiwieeeeiw");
  expect(logOf("12:00:03 ERR", "OR   Failed.\nwhy\n").levels).toEqual(["error", "error"]);
});

it("shows only the lines of a level, and of those what comes later", () => {
  const log = logOf("12:00:00 INFO    a\n12:00:00 WARNING b\n12:00:00 ERROR   c\n");
  const selection = new Selection(log, { ...all, level: "warning" });
  expect(selection.shown).toEqual([1, 2]);
  log.append("12:00:00 INFO    d\n12:00:00 WARN");
  selection.update();
  log.append("ING e\n");
  selection.update();
  expect(selection.shown).toEqual([1, 2, 4]);
  expect(new Selection(log, { ...all, level: "error" }).shown).toEqual([2]);
});

it("finds lines whatever their case, from any line on, and from the other end when there is none", () => {
  const log = logOf("Loss 1\nx\nloss 2\nx\nLOSS 3");
  const selection = new Selection(log, { ...all, find: "loss" });
  expect(selection.found).toEqual([0, 2, 4]);
  expect([-1, 0, 1, 4].map((line) => selection.nextMatch(line, false))).toEqual([0, 2, 2, 0]);
  expect([-1, 0, 3, 4].map((line) => selection.nextMatch(line, true))).toEqual([4, 4, 2, 2]);
  expect([0, 1, 2, 4].map((line) => selection.placeOf(line))).toEqual([1, 0, 2, 3]);
  log.append("!\nno\nloss 4\n"); // the open line goes on
  selection.update();
  expect(selection.found).toEqual([0, 2, 4, 6]);
  expect(new Selection(log, { ...all, find: "gain" }).nextMatch(0, false)).toBeUndefined();
});

it("marks what was found", () => {
  expect(pieces("A loss of Loss", "loss")).toEqual(["A ", "loss", " of ", "Loss", ""]);
  expect(pieces("nothing", "loss")).toEqual(["nothing"]);
  expect(pieces("all", "")).toEqual(["all"]);
});

it("keeps the page small however long the log is, and knows where each line stands", () => {
  const log = logOf("x\n".repeat(100_000));
  const selection = new Selection(log, all);
  const [first, end] = selection.window(50_000, 20);
  expect(first).toBeLessThanOrEqual(50_000);
  expect(end).toBeGreaterThanOrEqual(50_020);
  expect(end - first).toBeLessThan(100);
  expect(new Selection(logOf("a\nb\nc\n"), all).window(0, 20)).toEqual([0, 3]);
  expect(new Selection(logOf(), all).window(0, 20)).toEqual([0, 0]);
});

it("gives a wrapped line as many rows as it needs", () => {
  const log = logOf(`short\n${"x".repeat(25)}\n\nend`);
  const selection = new Selection(log, { ...all, columns: 10 });
  expect([selection.tops, selection.rows]).toEqual([[0, 1, 4, 5], 6]);
  expect([0, 1, 3, 4, 5].map((row) => selection.at(row))).toEqual([0, 1, 1, 2, 3]);
  expect(selection.positionOf(2)).toBe(2);
  log.append("less".repeat(4));
  selection.update();
  expect(selection.rows).toBe(7);
});

it("takes in what is appended without looking at the rest again", () => {
  const log = logOf("12:00:00 INFO    step\n".repeat(1000));
  const selection = new Selection(log, { ...all, find: "step" });
  const looks = vi.spyOn(String.prototype, "includes");
  for (let step = 0; step < 100; step += 1) {
    log.append(`12:00:00 INFO    step ${step}\n`);
    selection.update();
  }
  expect(selection.found).toHaveLength(1100);
  expect(looks.mock.calls.length).toBeLessThan(200);
});
