/** One training run: its progress, its losses, its pictures through time, its log. */

import { useEffect, useState } from "preact/hooks";
import { lazy, useRoute } from "preact-iso";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { TrainingRun } from "../api/types";
import { Chart } from "../components/Chart";
import { LogView } from "../components/LogView";
import { FactList, JobProgress, PageHead, ProblemNote, StatusMark, Trouble } from "../components/pieces";
import { Scrubber } from "../components/Scrubber";
import { useCourse } from "../lib/course";
import { number, title } from "../lib/format";
import { isLive, progressWords, timeFact } from "../lib/job";
import { useResource } from "../lib/resource";
import { quantities } from "../lib/series";
import { isRun, jobs, remember } from "../stores/jobs";
import { Actions, Alarms, Continue, Origin, ToTheFront } from "./run-actions";

const ScoresOfRun = lazy(() => import("./metrics-training").then((module) => module.ScoresOfRun)); // of runs that are measured

export default function Run() {
  const id = Number(useRoute().params.id);
  const { data, problem } = useResource(`run ${id}`, () => api.run(id));
  useEffect(() => {
    if (data) remember([data]);
  }, [data]);
  const job = jobs.value.get(id);
  if (!isRun(job))
    return (
      <div class="page">
        <PageHead title={problem ? `Run ${id}` : "…"} />
        <ProblemNote problem={problem} />
      </div>
    );
  return <RunView key={id} job={job} />;
}

function RunView({ job }: { job: TrainingRun }) {
  const { columns, previews, problem } = useCourse(job.id, (points) =>
    Promise.all([api.metrics(job.id, points), api.previews(job.id)]),
  );
  const scored = Object.keys(columns.series).some(isScore);
  const charts = quantities(columns).filter(({ names }) => !names.some(isScore));
  const [refused, setRefused] = useState<Problem | null>(null);
  const ended = job.status === "succeeded" || job.status === "failed" || job.status === "cancelled";
  const waiting = !ended ? "The first samples come with the first step." : "No samples were drawn.";
  return (
    <div class="page">
      <PageHead title={job.model} actions={<Actions job={job} onProblem={setRefused} />}>
        <p class="row soft">
          <StatusMark job={job} />
          <span>
            Run {job.id}: {job.architecture} on <a href={`/datasets/${job.dataset}`}>{job.dataset}</a>
            {job.preset && `, preset ${job.preset}`}, seed {job.seed}
            <Origin job={job} />
          </span>
        </p>
      </PageHead>
      <ProblemNote problem={refused} />
      <Trouble job={job} />
      <Alarms job={job} />
      <ProblemNote problem={problem} />
      <div class="run-columns">
        <Scrubber previews={previews} waiting={waiting} />
        <div class="stack">
          <section class="panel stack" aria-label="Progress">
            <div class="row apart">
              <strong>{progressWords(job)}</strong>
              {job.status === "queued" && <ToTheFront job={job} onProblem={setRefused} />}
            </div>
            <JobProgress job={job} />
            <Facts job={job} />
            {job.status === "succeeded" && <Continue job={job} />}
          </section>
          <section class="panel stack" aria-labelledby="loss">
            <h2 id="loss">{title(charts[0]?.title ?? "loss")}</h2>
            {charts[0] ? <Chart columns={columns} quantity={charts[0]} /> : <div class="chart" />}
          </section>
        </div>
      </div>
      {scored && <ScoresOfRun job={job.id} />}
      {charts.length > 1 && (
        <div class="minor-charts">
          {charts.slice(1).map((quantity) => (
            <section key={quantity.title} class="stack tight">
              <h3>{title(quantity.title)}</h3>
              <Chart columns={columns} quantity={quantity} minor />
            </section>
          ))}
        </div>
      )}
      {job.log && (
        <section class="stack" aria-labelledby="log">
          <div class="row apart">
            <h2 id="log">Log</h2>
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

function Facts({ job }: { job: TrainingRun }) {
  const facts: [string, string][] = [
    ["Step", `${number(job.step)} / ${number(job.total_steps)}`],
    ["Images a second", job.images_per_second ? number(Math.round(job.images_per_second)) : "–"],
    timeFact(job),
  ];
  return <FactList facts={facts} />;
}

function Settings({ job }: { job: TrainingRun }) {
  const all = { ...job.hyperparameters, ...job.dataset_options };
  return (
    <details>
      <summary>Hyper-parameters</summary>
      <dl class="settings">
        {Object.entries(all).map(([name, value]) => (
          <div key={name}>
            <dt>{title(name)}</dt>
            <dd>{value === null ? "not used" : Array.isArray(value) ? value.join(", ") : String(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
