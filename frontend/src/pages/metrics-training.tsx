/** A metric over the steps of training runs, as far as they can be drawn on one axis; the best step of each is marked. */

import { useEffect, useMemo } from "preact/hooks";
import { api } from "../api/client";
import { Chart } from "../components/Chart";
import { Loading, ProblemNote } from "../components/pieces";
import { number } from "../lib/format";
import { useResource } from "../lib/resource";
import { arrows, circumstanceWords, type Progression, progressions, withError } from "../lib/scores";
import type { Columns, Quantity } from "../lib/series";
import { address, useQuery } from "../lib/url";
import { subscribe } from "../stores/events";
import { t } from "../strings";

const words = t.metrics.steps;

export function OverTraining() {
  const [query, change] = useQuery();
  const { data, problem, reload } = useScoresOnTheWay();
  const asked = (query.runs ?? "").split(",").filter(Boolean).map(Number);
  const all = useMemo(() => progressions(data ?? []), [data]);
  const shown =
    all.find(({ of }) => query.axis !== undefined && of.comparable.startsWith(query.axis)) ??
    all.find(({ runs }) => runs.some(({ job }) => asked.includes(job))) ??
    all[0];
  const wanted = shown?.runs.filter(({ job }) => asked.includes(job)) ?? [];
  const runs = wanted.length > 0 ? wanted : (shown?.runs.slice(0, 6) ?? []);
  useLiveScores(shown?.runs.map(({ job }) => job) ?? asked, reload);

  if (problem && !data) return <ProblemNote problem={problem} />;
  if (!data) return <Loading />;
  if (!shown)
    return (
      <div class="empty stack close">
        <p>
          <strong>{words.nothing}</strong>
          {words.runMeasures}
        </p>
        <div class="row">
          <a class="button" href={address("/train", { scoring: "fid" })}>
            {words.train}
          </a>
        </div>
      </div>
    );
  const toggle = (job: number) => {
    const now = runs.map((run) => run.job);
    const next = now.includes(job) ? now.filter((other) => other !== job) : [...now, job];
    change({ axis: shown.of.comparable.slice(0, 8), runs: next.length > 0 ? next.join(",") : undefined });
  };
  return (
    <section class="stack" aria-labelledby="training">
      <div class="stack tight">
        <h2 id="training">{words.title(shown.of.title)}</h2>
        {all.length > 1 ? (
          <label class="board-choice">
            <span class="small soft">{words.axis}</span>
            <select
              value={shown.of.comparable}
              onChange={(e) => change({ axis: e.currentTarget.value.slice(0, 8), runs: undefined })}
            >
              {all.map(({ of, runs }) => (
                <option key={of.comparable} value={of.comparable}>
                  {words.choice(of.title, circumstanceWords(of), runs.map(({ job }) => t.run.link(job)).join(", "))}
                </option>
              ))}
            </select>
          </label>
        ) : (
          <p class="soft">{circumstanceWords(shown.of)}</p>
        )}
        <p class="small soft">
          {arrows[shown.of.better]} {words.reading(t.metrics.better[shown.of.better])}
        </p>
      </div>
      {shown.runs.length > 1 && (
        <fieldset class="chips bare" aria-label={words.runs}>
          {shown.runs.map(({ job, model }) => (
            <label class="chip" key={job}>
              <input type="checkbox" checked={runs.some((run) => run.job === job)} onChange={() => toggle(job)} />
              {words.run(model, job)}
            </label>
          ))}
        </fieldset>
      )}
      <div class="panel stack">
        <Progress of={shown} runs={runs} />
      </div>
    </section>
  );
}

/** For the page of a run: its scores on the way, whatever it was measured by. */
export function ScoresOfRun({ job }: { job: number }) {
  const { data, problem, reload } = useScoresOnTheWay(job);
  useLiveScores([job], reload);
  const all = useMemo(() => progressions(data ?? []), [data]);
  return (
    <>
      <ProblemNote problem={problem} />
      {all.map((progression) => (
        <section class="panel stack" key={progression.of.comparable} aria-label={words.onTheWay(progression.of.title)}>
          <div class="row apart">
            <h2>{progression.of.title}</h2>
            <a
              class="small"
              href={address("/metrics/training", { axis: progression.of.comparable.slice(0, 8), runs: String(job) })}
            >
              {words.beside}
            </a>
          </div>
          <p class="small soft">
            {arrows[progression.of.better]} {t.metrics.better[progression.of.better]}.{" "}
            {circumstanceWords(progression.of)}
          </p>
          <Progress of={progression} runs={progression.runs} />
        </section>
      ))}
    </>
  );
}

function useScoresOnTheWay(job?: number) {
  return useResource(`scores on the way ${job ?? ""}`, () => api.scores({ on_the_way: true, job }));
}

/** Reads again whenever one of these runs says that it was measured. */
function useLiveScores(runs: number[], reload: () => void) {
  const written = runs.join();
  useEffect(() => {
    const ends = written
      .split(",")
      .filter(Boolean)
      .map((id) =>
        subscribe(`job:${Number(id)}`, (event) => {
          if (event.type === "metrics" && Object.keys(event.data.values).some((name) => name.startsWith("score/")))
            reload();
        }),
      );
    return () => {
      for (const end of ends) end();
    };
  }, [written, reload]);
}

function Progress({ of, runs }: { of: Progression; runs: Progression["runs"] }) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: these numbers stand for the runs of this progression
  const columns = useMemo(() => columnsOf(runs), [of, runs.map(({ job }) => job).join()]);
  const names = Object.keys(columns.series);
  const quantity: Quantity = { title: of.of.title, names, labels: names, unit: "number" };
  const marks = runs.map(({ best, points }) => ({
    best: best.step ?? 0,
    errors: new Map(
      points.flatMap(({ step, error }) => (step === null || error === null ? [] : [[step, error] as const])),
    ),
  }));
  return (
    <>
      <Chart columns={columns} quantity={quantity} marks={marks} />
      <ul class="stack tight small bests">
        {runs.map(({ job, model, best, points }) => (
          <li key={job}>
            <a href={`/runs/${job}`}>{words.run(model, job)}</a>
            {words.bestAt(number(best.step ?? 0))}
            <strong>{withError(best)}</strong>
            {points.length > 1 && <span class="soft">{words.ofMeasurements(points.length)}</span>}
          </li>
        ))}
      </ul>
      <details class="small">
        <summary>{words.values}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <section class="board-scroll" aria-label={words.valuesOf(of.of.title)} tabIndex={0}>
          <table class="files values">
            <thead>
              <tr>
                <th scope="col">{words.step}</th>
                {names.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {columns.steps.map((step) => (
                <tr key={step}>
                  <th scope="row">{number(step)}</th>
                  {runs.map(({ job, points }) => {
                    const point = points.find((score) => score.step === step);
                    return <td key={job}>{point ? withError(point) : "–"}</td>;
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </>
  );
}

function columnsOf(runs: Progression["runs"]): Columns {
  const steps = [...new Set(runs.flatMap(({ points }) => points.map(({ step }) => step ?? 0)))].sort((a, b) => a - b);
  const series = runs.map(({ job, model, points }): [string, (number | null)[]] => {
    const values = new Map(points.map(({ step, value }) => [step, value]));
    return [words.curve(model, job), steps.map((step) => values.get(step) ?? null)];
  });
  return { steps, series: Object.fromEntries(series) };
}
