import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Problem, problemFrom } from "../src/api/problem";
import { patiently } from "../src/lib/patience";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const full = (seconds: string) => problemFrom(429, { title: "Too much" }, new Headers({ "retry-after": seconds }));

it("asks once more when the server has said when to, and says how long that is", async () => {
  const call = vi.fn().mockRejectedValueOnce(full("2")).mockResolvedValue("drawn");
  const told: number[] = [];
  const answer = patiently(call, (seconds) => told.push(seconds));
  await vi.advanceTimersByTimeAsync(1900);
  expect(call).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(await answer).toBe("drawn");
  expect(told).toEqual([2, 0]);
});

it("asks no third time, and not at all where it would take too long or is a mistake", async () => {
  const call = vi.fn().mockRejectedValue(full("1"));
  const answer = patiently(call, () => undefined).catch((reason: Problem) => reason.status);
  await vi.advanceTimersByTimeAsync(5000);
  expect([await answer, call.mock.calls.length]).toEqual([429, 2]);
  for (const problem of [full("900"), new Problem(422, "Wrong")]) {
    const once = vi.fn().mockRejectedValue(problem);
    await expect(patiently(once, () => undefined)).rejects.toBe(problem);
    expect(once).toHaveBeenCalledTimes(1);
  }
});
