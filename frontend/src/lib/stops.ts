/** The stops of a walk: as the address holds them, and what each asks for. */

import type { Stop } from "../api/types";
import type { Can } from "./abilities";
import type { Changes, Query } from "./url";
import { queryOf, type Wishes, wishesOf } from "./wishes";

/** Of an address; what can't be read is no stop. Without any, two seeds to begin with. */
export function stopsOf({ stops }: Query): Stop[] {
  try {
    const read: unknown = JSON.parse(stops ?? "");
    if (Array.isArray(read)) return read.filter((one): one is Stop => typeof one === "object" && one !== null);
  } catch {
    // as if there were none
  }
  return [{ seed: 1 }, { seed: 2 }, { seed: 3 }];
}

export function withStops(stops: Stop[]): Changes {
  return { stops: JSON.stringify(stops) };
}

/** What a stop asks for, as controls read it: the entries of an address. */
export function queryOfStop(stop: Stop, can: Can): Query {
  return { ...queryOf(stop as Wishes, can), seed: String(stop.seed ?? 0) };
}

/** A stop after controls have changed what it asks for. */
export function changedStop(stop: Stop, changes: Changes, can: Can): Stop {
  const before: Query = queryOfStop(stop, can);
  const after = Object.fromEntries(
    Object.entries({ ...before, ...changes }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return { ...(wishesOf(after, can) as Stop), seed: stop.seed ?? 0 };
}

export function movedStop(stops: Stop[], from: number, to: number): Stop[] {
  const others = stops.filter((_, index) => index !== from);
  const one = stops[from];
  return one ? [...others.slice(0, to), one, ...others.slice(to)] : stops;
}
