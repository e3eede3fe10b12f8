/** Which seeds are drawn: one after the other from the first on, but for those that were locked in their places. */

import type { Changes, Query } from "./url";

export const largestSeed = 2 ** 31 - 1;

export interface Seeds {
  first: number;
  count: number;
  locked: ReadonlyMap<number, number>; // seeds by their places
  all: number[];
}

/** As the address says, `seed=5&count=4&locked=2:17`; a number that can't be one is null. */
export function seedsOf(
  query: Query,
  usual: number,
  most: number,
): Seeds | { first: number | null; count: number | null } {
  const first = whole(query.seed ?? "0", 0, largestSeed);
  const count = whole(query.count ?? String(usual), 1, most);
  if (first === null || count === null) return { first, count };
  const locked = lockedIn(query);
  return { first, count, locked, all: Array.from({ length: count }, (_, place) => locked.get(place) ?? first + place) };
}

function lockedIn({ locked }: Query): Map<number, number> {
  const pairs = (locked ?? "").split(",").flatMap((pair): [number, number][] => {
    const [place, seed] = pair.split(":").map((text) => whole(text, 0, largestSeed));
    return place == null || seed == null ? [] : [[place, seed]];
  });
  return new Map(pairs);
}

/** The change that locks a seed in its place, or lets it go. */
export function withLock(query: Query, place: number, seed: number | undefined): Changes {
  const locked = lockedIn(query);
  if (seed === undefined) locked.delete(place);
  else locked.set(place, seed);
  const text = [...locked].map(([place, seed]) => `${place}:${seed}`).join(",");
  return { locked: text || undefined };
}

/** As a request says it. */
export function seedBody({ first, count, locked, all }: Seeds): { seed: number; count: number } | { seeds: number[] } {
  const moved = [...locked.keys()].some((place) => place < count);
  return moved ? { seeds: all } : { seed: first, count };
}

export function rolled(): string {
  return String(Math.floor(Math.random() * 1_000_000));
}

/** "1, 2 3" → [1, 2, 3]; null where something else is written, or too many. */
export function listed(text: string, most: number): number[] | null {
  const parts = text.split(/[\s,]+/).filter(Boolean);
  const seeds = parts.map((part) => whole(part, 0, largestSeed));
  return parts.length > 0 && parts.length <= most && seeds.every((seed) => seed !== null) ? (seeds as number[]) : null;
}

export function whole(text: string | undefined, least: number, most: number): number | null {
  const value = /^\d+$/.test(text?.trim() ?? "") ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : null;
}
