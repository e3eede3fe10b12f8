/** One training run: its progress, its losses beside those of others, its pictures through time, its log. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { lazy, useRoute } from "preact-iso";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { TrainingRun } from "../api/types";
import { Chart } from "../components/Chart";
import { LogView } from "../components/LogView";
import { FactList, JobProgress, PageHead, ProblemNote, StatusMark, Trouble } from "../components/pieces";
import { Scrubber } from "../components/Scrubber";
import { useBeside, useCourse } from "../lib/course";
import { extentOf, unionOf } from "../lib/curves";
import { settingText } from "../lib/differences";
import { number, title } from "../lib/format";
import { isLive, progressWords, timeFact } from "../lib/job";
import { useResource } from "../lib/resource";
import { quantities } from "../lib/series";
import { isRun, jobs, remember } from "../stores/jobs";
import { t } from "../strings";
import { NotFound } from "./NotFound";
import { Actions, Alarms, Continue, Origin, ToTheFront } from "./run-actions";
import { ChartBar, Compare, Differences, useLooks } from "./run-view";

const ScoresOfRun = lazy(() => import("./metrics-training").then((module) => module.ScoresOfRun)); // of runs that are measured

export default function Run() {
  const id = Number(useRoute().params.id);
  return Number.isInteger(id) ? <Numbered id={id} /> : <NotFound />;
}

function Numbered({ id }: { id: number }) {
  const { data, problem } = useResource(`run ${id}`, () => api.run(id));
  useEffect(() => {
    if (data) remember([data]);
  }, [data]);
  const job = jobs.value.get(id);
  if (!isRun(job))
    return (
      <div class="page">
        <PageHead title={problem ? t.run.title(id) : "…"} />
        <ProblemNote problem={problem} />
      </div>
    );
  return <RunView key={id} job={job} />;
}

function RunView({ job }: { job: TrainingRun }) {
  const { columns, previews, problem } = useCourse(job.id, (points) =>
    Promise.all([api.metrics(job.id, points), api.previews(job.id)]),
  );
  const [query, looks] = useLooks(job.id);
  const others = useBeside(looks.beside);
  const [refused, setRefused] = useState<Problem | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the columns say when there is something new to draw
  const beside = useMemo(
    () => others.runs.map(({ job, columns }) => ({ name: t.run.compare.curve(job.id), columns })),
    [others.columns, others.runs.length],
  );
  const runs = [{ name: t.run.compare.curve(job.id), columns }, ...beside];
  const names = Object.keys(unionOf(runs).series).filter((series) => !isScore(series));
  const written = names.join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same series make the same charts, however long they are
  const charts = useMemo(() => quantities({ steps: [], series: unionOf(runs).series }).filter(isNoScore), [written]);
  const scored = Object.keys(columns.series).some(isScore);
  const ended = job.status === "succeeded" || job.status === "failed" || job.status === "cancelled";
  const shown = {
    columns,
    name: t.run.compare.curve(job.id),
    beside,
    smoothing: looks.smoothing,
    log: looks.log,
    view: looks,
  };
  return (
    <div class="page">
      <PageHead title={job.model} actions={<Actions job={job} onProblem={setRefused} />}>
        <p class="row soft">
          <StatusMark job={job} />
          <span>
            {t.run.of(job.id, job.architecture)}
            <a href={`/datasets/${job.dataset}`}>{job.dataset}</a>
            {job.preset && t.run.preset(job.preset)}
            {t.run.seed(job.seed)}
            <Origin job={job} />
          </span>
        </p>
      </PageHead>
      <ProblemNote problem={refused} />
      <Trouble job={job} />
      <Alarms job={job} />
      <ProblemNote problem={problem ?? others.problem} />
      <div class="run-columns">
        <div class="stack">
          <Scrubber
            previews={previews}
            waiting={ended ? t.run.undrawn : t.run.waiting}
            at={query.at === undefined ? undefined : Number(query.at)}
            onAt={(step) => looks.change({ at: step?.toString() })}
          />
        </div>
        <div class="stack">
          <section class="panel stack" aria-label={t.run.progress}>
            <div class="row apart">
              <strong>{progressWords(job)}</strong>
              {job.status === "queued" && <ToTheFront job={job} onProblem={setRefused} />}
            </div>
            <JobProgress job={job} />
            <Facts job={job} />
            {job.status === "succeeded" && <Continue job={job} />}
          </section>
          <section class="panel stack close" aria-labelledby="loss">
            <h2 id="loss">{title(charts[0]?.title ?? "loss")}</h2>
            <ChartBar looks={looks} extent={extentOf(runs)} />
            {charts[0] ? <Chart {...shown} quantity={charts[0]} /> : <div class="chart" />}
            <Compare job={job} looks={looks} beside={others.runs} missing={others.missing} />
          </section>
        </div>
      </div>
      {others.runs.length > 0 && <Differences runs={[job, ...others.runs.map((other) => other.job)]} />}
      {scored && <ScoresOfRun job={job.id} />}
      {charts.length > 1 && (
        <div class="minor-charts">
          {charts.slice(1).map((quantity) => (
            <section key={quantity.title} class="stack tight">
              <h3>{title(quantity.title)}</h3>
              <Chart {...shown} quantity={quantity} minor />
            </section>
          ))}
        </div>
      )}
      {job.log && (
        <section class="stack" aria-labelledby="log">
          <div class="row apart">
            <h2 id="log">{t.run.log}</h2>
            <a class="small" href={`/logs/${job.log}`}>
              {job.log}
            </a>
          </div>
          <LogView name={job.log} follow={isLive(job.status)} height="15rem" />
        </section>
      )}
      <Settings job={job} />
    </div>
  );
}

/** Its title, and how sure it is, stand in the record that was kept of it. */
const isScore = (series: string) => series.startsWith("score/");
const isNoScore = ({ names }: { names: string[] }) => !names.some(isScore);

function Facts({ job }: { job: TrainingRun }) {
  const facts: [string, string][] = [
    [t.run.step, `${number(job.step)} / ${number(job.total_steps)}`],
    [t.run.speed, job.images_per_second ? number(Math.round(job.images_per_second)) : "–"],
    timeFact(job),
  ];
  return <FactList facts={facts} />;
}

function Settings({ job }: { job: TrainingRun }) {
  const all = { ...job.hyperparameters, ...job.dataset_options };
  return (
    <details>
      <summary>{t.run.settings}</summary>
      <dl class="settings">
        {Object.entries(all).map(([name, value]) => (
          <div key={name}>
            <dt>{title(name)}</dt>
            <dd>{settingText(value) || t.run.unused}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
