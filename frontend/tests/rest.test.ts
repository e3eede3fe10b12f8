// @vitest-environment happy-dom

import { renderHook } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { useRest } from "../src/lib/rest";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function resting(key: string | null) {
  const drawn: (string | null)[] = [];
  const hook = renderHook(({ key }) => useRest(key, 1500, () => drawn.push(key)), { initialProps: { key } });
  return { drawn, move: (key: string | null) => hook.rerender({ key }), hook };
}

it("acts on the first at once, then on what stays, and on nothing that is passed through", () => {
  const { drawn, move } = resting("0.1");
  vi.advanceTimersByTime(0);
  expect(drawn).toEqual(["0.1"]);
  for (const key of ["0.2", "0.3", "0.4"]) {
    move(key);
    vi.advanceTimersByTime(1000); // longer than a hand rests while it looks
  }
  expect(drawn).toEqual(["0.1"]);
  vi.advanceTimersByTime(500);
  expect(drawn).toEqual(["0.1", "0.4"]);
});

it("waits for a key, and forgets one that is not wanted any more", () => {
  const { drawn, move } = resting(null);
  vi.advanceTimersByTime(5000);
  move("0.1");
  vi.advanceTimersByTime(0);
  move("0.2");
  move(null);
  vi.advanceTimersByTime(5000);
  expect(drawn).toEqual(["0.1"]);
});

it("is called off by who acts earlier, and by leaving the page", () => {
  const { drawn, move, hook } = resting("0.1");
  vi.advanceTimersByTime(0);
  expect(hook.result.current()).toBe(false);
  move("0.2");
  expect(hook.result.current()).toBe(true);
  vi.advanceTimersByTime(5000);
  move("0.3");
  hook.unmount();
  vi.advanceTimersByTime(5000);
  expect(drawn).toEqual(["0.1"]);
});
