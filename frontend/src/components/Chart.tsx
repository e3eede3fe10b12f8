/** A line chart that follows its data; its height is kept before the first point. Below it stands what it shows, in words. */

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import {
  type Curve,
  extentOf,
  type Named,
  newest,
  type Plotted,
  panned,
  plottedOf,
  type Range,
  zoomed,
} from "../lib/curves";
import { number } from "../lib/format";
import type { Columns, Quantity } from "../lib/series";
import { theme } from "../stores/theme";
import { t } from "../strings";
import { drawMarks, type Mark } from "./marks";
import { dashOf, optionsOf, written } from "./plot";

interface ChartProps {
  columns: Columns;
  quantity: Quantity;
  minor?: boolean;
  marks?: Mark[]; // of each series, whose points are few and are shown
  name?: string; // of the run, where others stand beside it
  beside?: Named[];
  smoothing?: number; // 0 to below 1
  log?: boolean;
  view?: View; // what is shown, where several charts show the same part
}

/** The part of the steps that is looked at; null is all of them. */
export interface View {
  range: Range | null;
  onRange: (range: Range | null) => void;
}

const none: Named[] = [];

export function Chart(props: ChartProps) {
  const { columns, quantity, minor = false, marks, name = "", beside = none, smoothing = 0, log = false } = props;
  const [own, setOwn] = useState<Range | null>(null);
  const { range, onRange } = props.view ?? { range: own, onRange: setOwn };
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const cursor = useSignal<number | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);

  const runs = useMemo(() => [{ name, columns }, ...beside], [name, columns, beside]);
  const plotted = useMemo(() => plottedOf(quantity, runs, smoothing), [quantity, runs, smoothing]);
  const extent = extentOf(runs);
  const latest = useRef({ plotted, marks, range, onRange, extent, hidden });
  latest.current = { plotted, marks, range, onRange, extent, hidden };
  const height = minor ? 160 : 240;
  const keys = plotted.curves.map(({ key }) => key).join("\n");
  const chosenTheme = theme.value;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme has new colours, other keys are other curves
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let library: typeof uPlot | undefined;
    let gone = false;
    const create = () => {
      if (!library) return;
      plot.current?.destroy();
      const look = {
        curves: latest.current.plotted.curves,
        write: written[quantity.unit],
        height,
        log,
        range: () => latest.current.range,
        onRange: (range: Range | null) => latest.current.onRange(range),
        onCursor: (index: number | null) => {
          cursor.value = index;
        },
        onDraw: (drawn: uPlot) => drawMarks(drawn, latest.current.marks ?? []),
      };
      const created = new library(optionsOf(element, look), dataOf(latest.current.plotted), element);
      plot.current = created;
      show(created, latest.current.plotted.curves, latest.current.hidden);
      const wheel = (event: WheelEvent) => {
        if (!event.ctrlKey && !event.metaKey) return; // the wheel alone scrolls the page
        event.preventDefault();
        const { range, extent, onRange } = latest.current;
        const around = event.offsetX / created.over.clientWidth;
        onRange(zoomed(range, extent, event.deltaY < 0 ? 0.8 : 1.25, around));
      };
      created.over.addEventListener("wheel", wheel, { passive: false });
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
  }, [keys, quantity.unit, height, log, chosenTheme]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the range is asked for when the data are set
  useEffect(() => plot.current?.setData(dataOf(plotted)), [plotted, range?.[0], range?.[1]]);
  useEffect(() => {
    if (plot.current) show(plot.current, latest.current.plotted.curves, hidden);
  }, [hidden]);

  const keyed = (event: KeyboardEvent) => {
    const next = {
      "+": () => zoomed(range, extent, 0.5),
      "=": () => zoomed(range, extent, 0.5),
      "-": () => zoomed(range, extent, 2),
      ArrowLeft: () => panned(range, extent, -0.25),
      ArrowRight: () => panned(range, extent, 0.25),
      "0": () => null,
    }[event.key];
    if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    onRange(next());
  };

  const toggle = (key: string) => {
    const others = new Set(hidden);
    if (!others.delete(key)) others.add(key);
    setHidden(others);
  };
  return (
    <div class="stack tight">
      <div
        class={`chart ${minor ? "minor" : ""}`}
        ref={box}
        role="img"
        aria-label={labelOf(quantity, plotted)}
        title={t.chart.keys}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard zooms it
        tabIndex={0}
        onKeyDown={keyed}
      />
      <Legend plotted={plotted} write={written[quantity.unit]} cursor={cursor} hidden={hidden} onToggle={toggle} />
    </div>
  );
}

function dataOf({ steps, curves }: Plotted): uPlot.AlignedData {
  return [steps, ...curves.map(({ values }) => values)];
}

function show(plot: uPlot, curves: Curve[], hidden: ReadonlySet<string>) {
  curves.forEach(({ key }, index) => {
    const shown = !hidden.has(key.replace(/ raw$/, ""));
    if (plot.series[index + 1]?.show !== shown) plot.setSeries(index + 1, { show: shown });
  });
}

/** What the chart shows, for who does not see it: the newest value of each curve. */
function labelOf({ title, unit }: Quantity, { steps, curves }: Plotted): string {
  const values = curves.flatMap(({ raw, label, values }) => {
    const value = newest(values);
    return raw || value === null ? [] : [`${label} ${written[unit](value)}`];
  });
  return t.chart.byStep(title, number(steps.at(-1) ?? 0), values.join(", "));
}

interface LegendProps {
  plotted: Plotted;
  write: (value: number) => string;
  cursor: Signal<number | null>;
  hidden: ReadonlySet<string>;
  onToggle: (key: string) => void;
}

/** The curves with their values under the cursor, or their newest while there is no cursor. */
function Legend({ plotted: { steps, curves }, write, cursor, hidden, onToggle }: LegendProps) {
  const index = cursor.value;
  const told = ({ values }: Curve) => (index === null ? newest(values) : (values[index] ?? null));
  return (
    <div class="legend">
      {curves
        .filter(({ raw }) => !raw)
        .map((curve) => {
          const value = told(curve);
          return (
            <button
              key={curve.key}
              class="plain"
              type="button"
              aria-pressed={!hidden.has(curve.key)}
              title={t.chart.toggle}
              onClick={() => onToggle(curve.key)}
            >
              <Swatch curve={curve} />
              {curve.label}
              <span class="value">{value === null ? "–" : write(value)}</span>
            </button>
          );
        })}
      {index !== null && steps[index] !== undefined && <span class="soft">{t.chart.step(number(steps[index]))}</span>}
    </div>
  );
}

function Swatch({ curve }: { curve: Curve }) {
  return (
    <svg width="18" height="4" aria-hidden="true">
      <line
        x1="0"
        x2="18"
        y1="2"
        y2="2"
        stroke={`var(--series-${curve.colour})`}
        stroke-width="3"
        stroke-dasharray={dashOf(curve).join(" ")}
      />
    </svg>
  );
}
