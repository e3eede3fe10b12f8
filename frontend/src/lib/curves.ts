/** What a chart draws: the curves of one run or of several over the steps of all, smoothed, and the part of them that is looked at. */

import type { Columns, Quantity } from "./series";

/** The columns of a run, under a name that tells it from the others of a chart. */
export interface Named {
  name: string;
  columns: Columns;
}

export interface Curve {
  key: string;
  label: string;
  values: (number | null)[]; // one for each of the steps
  colour: number; // from 1
  dash: number; // from 0, which is none
  raw: boolean; // what a smoothed curve was made of; it stands behind
}

export interface Plotted {
  steps: number[];
  curves: Curve[];
}

const colours = 6;

/** Several runs have a colour each, and what is measured of them a dash; the measures of a single run have the colours. */
export function plottedOf({ names, labels }: Quantity, runs: Named[], smoothing: number): Plotted {
  const steps = [...new Set(runs.flatMap(({ columns }) => columns.steps))].sort((a, b) => a - b);
  const several = runs.length > 1;
  const drawn = runs.flatMap(({ name, columns }, run) =>
    names.flatMap((series, index): Curve[] => {
      const column = columns.series[series];
      if (!column) return [];
      const values = runs.length === 1 ? column : aligned(steps, columns.steps, column);
      const label = [several && name, (!several || names.length > 1) && labels[index]].filter(Boolean).join(" ");
      const look = several ? { colour: (run % colours) + 1, dash: index } : { colour: (index % colours) + 1, dash: 0 };
      const curve = { key: `${name} ${series}`, label, ...look, values, raw: false };
      if (smoothing === 0) return [curve];
      return [
        { ...curve, key: `${curve.key} raw`, raw: true },
        { ...curve, values: smoothed(values, smoothing) },
      ];
    }),
  );
  return { steps, curves: drawn.sort((a, b) => Number(b.raw) - Number(a.raw)) };
}

function aligned(steps: number[], own: number[], column: (number | null)[]): (number | null)[] {
  const known = new Map(own.map((step, index) => [step, column[index] ?? null]));
  return steps.map((step) => known.get(step) ?? null);
}

/** The exponential moving average that TensorBoard draws: debiased, so that it begins at the first value and not at 0. */
export function smoothed(values: (number | null)[], weight: number): (number | null)[] {
  let average = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return value;
    average = average * weight + (1 - weight) * value;
    seen += 1;
    return average / (1 - weight ** seen);
  });
}

export const newest = (values: (number | null)[]): number | null => values.findLast((value) => value !== null) ?? null;

/** From one step to another. */
export type Range = readonly [number, number];

/** A part of a range around a place in it (0 to 1), or more than it; null where that is all there is. */
export function zoomed(range: Range | null, extent: Range, factor: number, around = 0.5): Range | null {
  const [from, to] = range ?? extent;
  const width = Math.max((to - from) * factor, 2); // of two steps one can still draw a line
  const begin = from + (to - from) * around - width * around;
  return within([begin, begin + width], extent);
}

/** The same width further on, by a share of it. */
export function panned(range: Range | null, extent: Range, share: number): Range | null {
  if (range === null) return null;
  const way = (range[1] - range[0]) * share;
  const moved = Math.min(Math.max(way, extent[0] - range[0]), extent[1] - range[1]);
  return [Math.round(range[0] + moved), Math.round(range[1] + moved)];
}

function within([from, to]: Range, extent: Range): Range | null {
  const kept: Range = [Math.max(extent[0], Math.round(from)), Math.min(extent[1], Math.round(to))];
  return kept[1] - kept[0] >= extent[1] - extent[0] || kept[1] <= kept[0] ? null : kept;
}

/** The first and the last step of several runs. */
export function extentOf(runs: Named[]): Range {
  const ends = runs.flatMap(({ columns: { steps } }) => [steps[0] ?? 0, steps.at(-1) ?? 0]);
  return [Math.min(...ends), Math.max(...ends)];
}

/** Columns that have every series that some of these have, for what asks only for names. */
export function unionOf(runs: Named[]): Columns {
  return { steps: [], series: Object.assign({}, ...runs.map(({ columns }) => columns.series)) };
}
