import { expect, it } from "vitest";
import { listed, type Seeds, seedBody, seedsOf, withLock } from "../src/lib/seeds";

it("draws one seed after the other from the first on", () => {
  const seeds = seedsOf({ seed: "5", count: "3" }, 12, 64) as Seeds;
  expect(seeds.all).toEqual([5, 6, 7]);
  expect(seedBody(seeds)).toEqual({ seed: 5, count: 3 });
  expect((seedsOf({}, 12, 64) as Seeds).all).toHaveLength(12);
});

it("keeps a locked seed in its place while others change", () => {
  const query = { seed: "5", count: "3", ...withLock({}, 1, 40) } as Record<string, string>;
  expect(seedBody(seedsOf(query, 12, 64) as Seeds)).toEqual({ seeds: [5, 40, 7] });
  expect((seedsOf({ ...query, seed: "100" }, 12, 64) as Seeds).all).toEqual([100, 40, 102]);
  expect(withLock({ locked: "1:40,2:6" }, 1, undefined)).toEqual({ locked: "2:6" });
  expect(withLock({ locked: "2:6" }, 2, undefined)).toEqual({ locked: undefined });
});

it("forgets a lock beyond the last place, and what is no lock", () => {
  expect(seedBody(seedsOf({ seed: "5", count: "2", locked: "7:40,x,3:" }, 12, 64) as Seeds)).toEqual({
    seed: 5,
    count: 2,
  });
});

it("says which number can't be one", () => {
  expect(seedsOf({ seed: "-1" }, 12, 64)).toEqual({ first: null, count: 12 });
  expect(seedsOf({ count: "65" }, 12, 64)).toEqual({ first: 0, count: null });
});

it("reads lists of seeds", () => {
  expect(listed("1, 2  3,", 12)).toEqual([1, 2, 3]);
  expect(listed("1, x", 12)).toBeNull();
  expect(listed(" ", 12)).toBeNull();
  expect(listed("1 2 3", 2)).toBeNull();
});
