/** Metric series: the columns that the server keeps, with what came live since. */

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

/** One chart a quantity, which is the last word of a name: both players' "loss" share one, and it comes first; so do "real_logit" and "fake_logit". */
export function quantities(columns: Columns): { quantity: string; names: string[] }[] {
  const groups = new Map<string, string[]>();
  for (const name of Object.keys(columns.series)) {
    const quantity = name.split(/[/_]/).at(-1) ?? name;
    groups.set(quantity, [...(groups.get(quantity) ?? []), name]);
  }
  return [...groups]
    .map(([quantity, names]) => ({ quantity, names }))
    .sort((a, b) => Number(b.quantity === "loss") - Number(a.quantity === "loss"));
}
