/** How uPlot draws our charts. */

import type uPlot from "uplot";
import type { Curve, Range } from "../lib/curves";
import { bytes, number, share } from "../lib/format";
import type { Unit } from "../lib/series";

export const written: Record<Unit, (value: number) => string> = { number, share: (value) => share(value, 1), bytes };

export const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

/** Once curves share colours, dashes come round again as well. */
export const dashOf = ({ dash }: Curve): number[] => dashes[dash % dashes.length] ?? [];

export interface Look {
  curves: Curve[];
  write: (value: number) => string;
  height: number;
  log: boolean;
  range: () => Range | null; // of steps; null shows all
  onRange: (range: Range | null) => void; // somebody dragged over a part, or wants to see all again
  onCursor: (index: number | null) => void;
  onDraw: (plot: uPlot) => void;
}

export function optionsOf(element: HTMLElement, look: Look): uPlot.Options {
  const { curves, write, height, log, range, onRange, onCursor, onDraw } = look;
  const colour = colours(element);
  const axis: uPlot.Axis = {
    stroke: colour("--soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  const values = (write: (value: number) => string) => (_: uPlot, splits: (number | null)[]) =>
    splits.map((value) => (value === null ? "" : write(value)));
  return {
    width: element.clientWidth,
    height,
    scales: {
      x: {
        time: false,
        range: (_, least, most) => [...(range() ?? [least, Math.max(most, least + 1)])] as [number, number],
      },
      y: log ? logarithmic(curves) : {},
    },
    axes: [
      { ...axis, values: values(number), incrs: wholes, grid: { show: false }, size: 28 },
      { ...axis, values: values(write), size: 56 },
    ],
    cursor: {
      points: { size: 7 },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: () => () => {
          onRange(null);
          return null;
        },
      },
    },
    legend: { show: false },
    series: [
      {},
      ...curves.map((curve) => ({
        stroke: colour(`--series-${curve.colour}`),
        alpha: curve.raw ? 0.28 : 1,
        width: curve.raw ? 1 : 1.75,
        dash: dashOf(curve),
        spanGaps: true,
        points: { show: false },
      })),
    ],
    hooks: {
      draw: [onDraw],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          if (to - from >= 1) onRange([Math.round(from), Math.round(to)]);
        },
      ],
    },
  };
}

/** Powers of ten; where values are not all above 0, on both sides of it, and linear between. */
function logarithmic(curves: Curve[]): uPlot.Scale {
  const values = curves.flatMap((curve) => curve.values).filter((value) => value !== null);
  if (values.every((value) => value > 0)) return { distr: 3 };
  const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { distr: 4, asinh: 10 ** Math.floor(Math.log10(most || 1) - 2) };
}

/** There is no half of a step. */
const wholes = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

/** Resolves tokens such as light-dark(…) to what a canvas understands. */
function colours(element: HTMLElement): (token: string) => string {
  const probe = document.createElement("span");
  element.append(probe);
  const found = new Map<string, string>();
  return (token) => {
    if (!found.has(token)) {
      probe.style.color = `var(${token})`;
      found.set(token, getComputedStyle(probe).color);
      probe.style.color = "";
    }
    return found.get(token) ?? "";
  };
}
