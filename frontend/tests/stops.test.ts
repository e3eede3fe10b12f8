import { expect, it } from "vitest";
import { changedStop, movedStop, queryOfStop, stopsOf, withStops } from "../src/lib/stops";
import { able } from "./abilities";

const can = able(["class_weights", "directions", "latent"]);

it("keeps stops in the address, and begins with some seeds", () => {
  const stops = [{ seed: 4, class_weights: { "3": 1 } }, { latent: 7 }];
  expect(stopsOf(withStops(stops) as { stops: string })).toEqual(stops);
  expect(stopsOf({}).length).toBeGreaterThan(1);
  expect(stopsOf({ stops: "{" })).toEqual(stopsOf({}));
  expect(stopsOf({ stops: '[{"seed":1}, 3]' })).toEqual([{ seed: 1 }]);
});

it("lets controls change what a stop asks for", () => {
  const stop = { seed: 4, class_weights: { "3": 1 } };
  expect(queryOfStop(stop, can)).toEqual({ seed: "4", "class.3": "1" });
  const moved = changedStop(stop, { "direction.sefa-1": "2" }, can);
  expect(moved).toEqual({ ...stop, directions: { "sefa-1": 2 } });
  expect(changedStop(moved, { "class.3": undefined }, can)).toEqual({ seed: 4, directions: { "sefa-1": 2 } });
});

it("moves a stop to another place", () => {
  const seeds = (stops: { seed?: number | null }[]) => stops.map(({ seed }) => seed);
  const stops = [{ seed: 1 }, { seed: 2 }, { seed: 3 }];
  expect(seeds(movedStop(stops, 2, 0))).toEqual([3, 1, 2]);
  expect(seeds(movedStop(stops, 0, 1))).toEqual([2, 1, 3]);
});
