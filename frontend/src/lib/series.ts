/** Metric series: the columns that the server keeps, with what came live since. */

import { t } from "../strings";

export interface Columns {
  steps: number[];
  series: Record<string, (number | null)[]>;
}

export interface MetricPoint {
  step: number;
  values: Record<string, number>;
}

export const noColumns: Columns = { steps: [], series: {} };

/** Adds a point at its step. Points that are known already (a replay after a lost connection) change nothing. */
export function append(columns: Columns, point: MetricPoint): Columns {
  const last = columns.steps.at(-1);
  if (last !== undefined && point.step <= last) return columns;
  const names = new Set([...Object.keys(columns.series), ...Object.keys(point.values)]);
  const series: Columns["series"] = {};
  for (const name of names) {
    const known = columns.series[name] ?? new Array<null>(columns.steps.length).fill(null);
    series[name] = [...known, point.values[name] ?? null];
  }
  return { steps: [...columns.steps, point.step], series };
}

/** Halves the density once there are more points than a chart has pixels; the newest point stays. */
export function thin(columns: Columns, most: number): Columns {
  if (columns.steps.length <= most) return columns;
  const last = columns.steps.length - 1;
  const keep = <T>(_: T, index: number) => (last - index) % 2 === 0;
  return {
    steps: columns.steps.filter(keep),
    series: Object.fromEntries(Object.entries(columns.series).map(([name, column]) => [name, column.filter(keep)])),
  };
}

export type Unit = "number" | "share" | "bytes";

export interface Quantity {
  title: string;
  names: string[];
  labels: string[]; // what tells the names apart
  unit: Unit;
}

/** One chart a quantity: both players' "loss" share one, and it comes first; what the engine tells of itself comes last. */
export function quantities(columns: Columns): Quantity[] {
  const groups = new Map<string, string[]>();
  for (const name of Object.keys(columns.series).sort(byWriter)) {
    const key = quantityOf(name);
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return [...groups.entries()]
    .sort(([a], [b]) => Number(b === "loss") - Number(a === "loss"))
    .map(([, names]) => {
      const unit = unitOf(names[0] ?? "");
      if (unit === "bytes")
        return { title: t.chart.memory, names, labels: names.map((name) => words(name).slice(1).join(" ")), unit };
      const shared = sharedEnd(names.map(words));
      return {
        title: words(names[0] ?? "")
          .slice(-shared)
          .join(" "),
        names,
        labels: names.map((name) => words(name).slice(0, -shared).join(" ") || name),
        unit,
      };
    });
}

const engine = ["speed", "memory", "training"];

const writer = (name: string) => name.split("/")[0] ?? "";

function byWriter(a: string, b: string): number {
  return engine.indexOf(writer(a)) - engine.indexOf(writer(b)) || (a < b ? -1 : 1);
}

/** The last word of a player's measure says what it measures; the engine's measures are each their own, memory aside. */
function quantityOf(name: string): string {
  if (unitOf(name) === "bytes") return "memory";
  return engine.includes(writer(name)) ? name : (words(name).at(-1) ?? name);
}

function unitOf(name: string): Unit {
  if (writer(name) === "memory") return "bytes";
  return name === "speed/data_wait" ? "share" : "number";
}

const words = (name: string) => name.split(/[/_]/);

/** How many words all lists end with; of a single list, all but its first (the phase). */
function sharedEnd(lists: string[][]): number {
  const [first = [], ...others] = lists;
  if (others.length === 0) return Math.max(1, first.length - 1);
  let count = 1;
  while (count < first.length && others.every((list) => list.at(-count - 1) === first.at(-count - 1))) count += 1;
  return Math.min(count, first.length);
}
