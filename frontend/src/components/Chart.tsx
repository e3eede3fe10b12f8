/** A line chart that follows its data; its height is kept before the first point. */

import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { bytes, number, percent } from "../lib/format";
import type { Columns, Quantity, Unit } from "../lib/series";
import { theme } from "../stores/theme";
import { drawMarks, type Mark } from "./marks";

const palette = 6;
const written: Record<Unit, (value: number) => string> = { number, share: percent, bytes };

interface ChartProps {
  columns: Columns;
  quantity: Quantity;
  minor?: boolean;
  marks?: Mark[]; // of each series, whose points are few and are shown
}

export function Chart({ columns, quantity: { title, names, labels, unit }, minor = false, marks }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const data: uPlot.AlignedData = [columns.steps, ...names.map((name) => columns.series[name] ?? [])];
  const newest = useRef(data);
  newest.current = data;
  const newestMarks = useRef(marks);
  newestMarks.current = marks;
  const height = minor ? 160 : 240;
  const series = labels.join();
  const chosenTheme = theme.value;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme has new colours
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let library: typeof uPlot | undefined;
    let gone = false;
    const create = () => {
      if (!library) return;
      plot.current?.destroy();
      const draw = (drawn: uPlot) => drawMarks(drawn, newestMarks.current ?? []);
      plot.current = new library(
        { ...options(series.split(","), written[unit], element, height), hooks: { draw: [draw] } },
        newest.current,
        element,
      );
    };
    // A third of all script, and only runs have charts.
    import("uplot").then((loaded) => {
      library = loaded.default;
      if (!gone) create();
    });
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    const systemTheme = matchMedia("(prefers-color-scheme: dark)");
    systemTheme.addEventListener("change", create);
    return () => {
      gone = true;
      systemTheme.removeEventListener("change", create);
      resized.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [series, unit, height, chosenTheme]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: new columns are new data
  useEffect(() => plot.current?.setData(newest.current), [columns]);

  return <div class={`chart ${minor ? "minor" : ""}`} ref={box} role="img" aria-label={`${title} by step`} />;
}

function options(
  labels: string[],
  write: (value: number) => string,
  element: HTMLElement,
  height: number,
): uPlot.Options {
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
    scales: { x: { time: false } },
    axes: [
      { ...axis, values: values(number), incrs: wholes, grid: { show: false }, size: 28 },
      { ...axis, values: values(write), size: 56 },
    ],
    cursor: { points: { size: 7 }, drag: { x: true, y: false } },
    legend: { live: true },
    series: [
      { label: "step", value: shown(number) },
      ...labels.map((label, index) => ({
        label,
        stroke: colour(`--series-${(index % palette) + 1}`),
        width: 1.75,
        spanGaps: true,
        points: { show: false },
        value: shown(write),
      })),
    ],
  };
}

/** There is no half of a step. */
const wholes = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

/** The value under the cursor; the newest while there is no cursor. */
function shown(write: (value: number) => string) {
  return (plot: uPlot, value: number | null, series: number, index: number | null): string => {
    const told = index === null ? Array.from(plot.data[series] ?? []).findLast((v) => v !== null) : value;
    return told === null || told === undefined ? "" : write(told);
  };
}

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
