import { expect, it } from "vitest";
import { ago, bytes, duration, number, percent, share, title } from "../src/lib/format";

it.each([
  [0, "0"],
  [12345, "12,345"],
  [1234.5678, "1,235"],
  [0.000213456, "0.000213"],
  [-1.5, "-1.5"],
  [Number.NaN, "–"],
])("number %d", (value, text) => expect(number(value)).toBe(text));

it.each([
  [4.4, "4 s"],
  [59.6, "1 min 00 s"],
  [185, "3 min 05 s"],
  [7800, "2 h 10 min"],
  [273_600, "3 d 4 h"],
  [-3, "0 s"],
])("duration %d", (seconds, text) => expect(duration(seconds)).toBe(text));

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1 kB"],
  [1_500_000, "1.5 MB"],
  [78_000_000_000, "78 GB"],
  [999_950, "1 MB"],
])("bytes %d", (count, text) => expect(bytes(count)).toBe(text));

it("says 100 % only at the end, and tells the first steps of a long run", () => {
  expect(percent(0)).toBe("0 %");
  expect(percent(0.0042)).toBe("0.4 %");
  expect(percent(0.999)).toBe("99 %");
  expect(percent(1)).toBe("100 %");
  expect(percent(1.2)).toBe("100 %");
});

it("tells how long ago", () => {
  const now = Date.parse("2026-01-10T12:00:00Z");
  expect(ago("2026-01-10T11:59:40Z", now)).toBe("just now");
  expect(ago("2026-01-10T11:55:00Z", now)).toBe("5 minutes ago");
  expect(ago("2026-01-10T13:00:00Z", now)).toBe("just now"); // a clock that is ahead
  expect(ago("2026-01-09T11:00:00Z", now)).toBe("yesterday");
  expect(ago("2025-10-09T11:00:00Z", now)).toBe("Oct 9, 2025");
});

it("writes names as words", () => {
  expect(title("learning_rate")).toBe("Learning rate");
  expect(title("ema_images")).toBe("EMA images");
});

it.each([
  [1, 3, "33 %"],
  [1, 250, "0.4 %"],
  [0, 5, "0 %"],
  [0, 0, "–"],
])("share %d of %d", (part, whole, text) => expect(share(part, whole)).toBe(text));
