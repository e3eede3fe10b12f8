/** How the curves of a run are looked at: smoothed, on a scale, in part, beside those of other runs. The address holds every choice. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { TrainingRun } from "../api/types";
import type { View } from "../components/Chart";
import { Icon } from "../components/Icon";
import type { Beside } from "../lib/course";
import { panned, type Range, zoomed } from "../lib/curves";
import { besideOf, differencesOf, mostBeside } from "../lib/differences";
import { number } from "../lib/format";
import { useResource } from "../lib/resource";
import { type Changes, type Query, useQuery } from "../lib/url";
import { jobs, remember, runsOf } from "../stores/jobs";
import { t } from "../strings";

export interface Looks extends View {
  smoothing: number;
  log: boolean;
  beside: number[];
  change: (changes: Changes) => void;
}

export function useLooks(id: number): [Query, Looks] {
  const [query, change] = useQuery();
  const [from, to] = [Number(query.from), Number(query.to)];
  const smoothing = Number(query.smooth ?? 0);
  const looks: Looks = {
    smoothing: smoothing > 0 && smoothing < 1 ? smoothing : 0,
    log: query.log !== undefined,
    range: query.from && query.to && from < to ? [from, to] : null,
    onRange: (range) => change({ from: range?.[0].toString(), to: range?.[1].toString() }),
    beside: besideOf(query.with, id),
    change,
  };
  return [query, looks];
}

interface ChartBarProps {
  looks: Looks;
  extent: Range;
}

/** What holds for all charts of the page. */
export function ChartBar({ looks, extent }: ChartBarProps) {
  const { smoothing, log, range, onRange, change } = looks;
  const [dragged, drag] = useState(smoothing);
  useEffect(() => drag(smoothing), [smoothing]);
  const settle = (value: number) => change({ smooth: value > 0 ? value.toFixed(2) : undefined });
  const words = t.run.charts;
  return (
    <div class="chart-bar">
      <label class="row">
        {words.smoothing}
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={dragged}
          aria-valuetext={dragged > 0 ? dragged.toFixed(2) : words.unsmoothed}
          onInput={(e) => drag(e.currentTarget.valueAsNumber)}
          onChange={(e) => settle(e.currentTarget.valueAsNumber)}
        />
        <span class="soft value">{dragged > 0 ? dragged.toFixed(2) : words.unsmoothed}</span>
      </label>
      <label class="row" title={words.logHelp}>
        <input
          type="checkbox"
          role="switch"
          checked={log}
          aria-checked={log}
          onChange={(e) => change({ log: e.currentTarget.checked ? "1" : undefined })}
        />
        {words.log}
      </label>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for what is filled in */}
      <div class="row tools" role="group" aria-label={words.part}>
        <Tool name="left" label={words.earlier} off={!range} onPress={() => onRange(panned(range, extent, -0.5))} />
        <Tool name="zoomOut" label={words.zoomOut} off={!range} onPress={() => onRange(zoomed(range, extent, 2))} />
        <Tool name="zoomIn" label={words.zoomIn} off={false} onPress={() => onRange(zoomed(range, extent, 0.5))} />
        <Tool name="right" label={words.later} off={!range} onPress={() => onRange(panned(range, extent, 0.5))} />
        {range && (
          <button class="plain" type="button" onClick={() => onRange(null)}>
            {words.whole(number(range[0]), number(range[1]))}
          </button>
        )}
      </div>
    </div>
  );
}

interface ToolProps {
  name: "left" | "right" | "zoomIn" | "zoomOut";
  label: string;
  off: boolean;
  onPress: () => void;
}

function Tool({ name, label, off, onPress }: ToolProps) {
  return (
    <button
      class="plain square"
      type="button"
      title={label}
      aria-label={label}
      aria-disabled={off || undefined}
      onClick={() => !off && onPress()}
    >
      <Icon name={name} size={18} />
    </button>
  );
}

interface CompareProps {
  job: TrainingRun;
  looks: Looks;
  beside: Beside[];
  missing: number[];
}

/** Which runs stand beside this one, and what tells them apart. */
export function Compare({ job, looks: { beside: ids, change }, beside, missing }: CompareProps) {
  const recent = useResource("runs", () => api.runs());
  useEffect(() => remember(recent.data?.items ?? []), [recent.data]);
  const others = runsOf(jobs.value).filter(({ id, step }) => id !== job.id && !ids.includes(id) && step > 0);
  const put = (next: number[]) => change({ with: next.length > 0 ? next.join(",") : undefined });
  const words = t.run.compare;
  const groups: [string, TrainingRun[]][] = [
    [words.same, others.filter(({ architecture }) => architecture === job.architecture)],
    [words.different, others.filter(({ architecture }) => architecture !== job.architecture)],
  ];
  return (
    <div class="stack close">
      <div class="row">
        <span class="small" id="beside">
          {words.title}
        </span>
        {ids.map((id) => {
          const run = beside.find(({ job }) => job.id === id)?.job;
          return (
            <button
              key={id}
              class="chip-button"
              type="button"
              title={words.remove(id)}
              onClick={() => put(ids.filter((other) => other !== id))}
            >
              {run ? words.run(id, run.model) : missing.includes(id) ? words.missing(id) : words.loading(id)}
              <Icon name="close" size={14} />
            </button>
          );
        })}
        {ids.length < mostBeside && (
          <select
            class="filter"
            aria-labelledby="beside"
            value=""
            disabled={others.length === 0}
            onChange={(e) => put([...ids, Number(e.currentTarget.value)])}
          >
            <option value="">{others.length > 0 ? words.choose : words.none}</option>
            {groups.map(
              ([label, runs]) =>
                runs.length > 0 && (
                  <optgroup key={label} label={label}>
                    {runs.map((run) => (
                      <option key={run.id} value={run.id}>
                        {words.option(run.id, run.model, run.architecture, run.dataset)}
                      </option>
                    ))}
                  </optgroup>
                ),
            )}
          </select>
        )}
      </div>
    </div>
  );
}

/** The settings of several runs that are not the same. */
export function Differences({ runs }: { runs: TrainingRun[] }) {
  const words = t.run.compare;
  const rows = differencesOf(runs, words.settings);
  return (
    <section class="stack close" aria-labelledby="differences">
      <h2 id="differences">{words.differences}</h2>
      {rows.length === 0 ? (
        <p class="soft">{words.alike}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <section class="board-scroll" aria-label={words.differences} tabIndex={0}>
          <table class="files">
            <thead>
              <tr>
                <th scope="col">{words.setting}</th>
                {runs.map(({ id }) => (
                  <th key={id} scope="col">
                    <a href={`/runs/${id}`}>{words.number(id)}</a>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ name, values }) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {values.map((value, index) => (
                    <td key={runs[index]?.id}>{value || "–"}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}
