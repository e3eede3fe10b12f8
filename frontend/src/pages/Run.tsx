/** One training run: its progress, its losses, its pictures through time, its log. */

import { useEffect, useId, useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { api } from "../api/client";
import { fieldErrors, type Problem } from "../api/problem";
import type { Job, Preview, TrainingRun } from "../api/types";
import { Chart } from "../components/Chart";
import { JobActions } from "../components/JobActions";
import { LogView } from "../components/LogView";
import { JobProgress, PageHead, ProblemNote, StatusMark, Trouble } from "../components/pieces";
import { Scrubber } from "../components/Scrubber";
import { duration, number, title } from "../lib/format";
import { isLive, priorityToLead, progressWords, secondsTaken } from "../lib/job";
import { asProblem, useResource } from "../lib/resource";
import { append, type Columns, noColumns, quantities, thin } from "../lib/series";
import { address, prefixed } from "../lib/url";
import { subscribe } from "../stores/events";
import { isRun, jobs, remember } from "../stores/jobs";

const mostPoints = 1000;

export function Run() {
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
  const { columns, previews, problem } = useCourse(job.id);
  const charts = quantities(columns);
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

/** Curves and previews: what the server kept, then what it tells. */
function useCourse(id: number): { columns: Columns; previews: Preview[]; problem: Problem | null } {
  const kept = useResource(`course ${id}`, async () => {
    const [columns, previews] = await Promise.all([api.metrics(id, mostPoints / 2), api.previews(id)]);
    return { columns, previews };
  });
  const [columns, setColumns] = useState(kept.data?.columns ?? noColumns);
  const [previews, setPreviews] = useState(kept.data?.previews ?? []);
  const { data } = kept;

  useEffect(() => {
    if (!data) return;
    setColumns(data.columns);
    setPreviews(data.previews);
  }, [data]);

  useEffect(
    () =>
      subscribe(`job:${id}`, (event) => {
        if (event.type === "job") remember([event.data]);
        else if (event.type === "metrics") setColumns((columns) => thin(append(columns, event.data), mostPoints));
        else setPreviews((known) => ((known.at(-1)?.step ?? -1) < event.data.step ? [...known, event.data] : known));
      }),
    [id],
  );
  return { columns, previews, problem: kept.problem };
}

interface ActionsProps {
  job: TrainingRun;
  onProblem: (problem: Problem | null) => void;
}

function Actions({ job, onProblem }: ActionsProps) {
  const { route } = useLocation();
  const ended = job.status === "succeeded" || job.status === "failed" || job.status === "cancelled";
  return (
    <JobActions job={job} onProblem={onProblem} onNew={(next) => route(`/runs/${next.id}`)}>
      {job.version !== null && (
        <a class="button" href={address("/inference", { model: job.model, version: String(job.version) })}>
          Draw from version {job.version}
        </a>
      )}
      {job.version !== null && (
        <a class="button quiet" href={fineTune(job, job.version)}>
          Fine-tune…
        </a>
      )}
      {ended && (
        <a class="button quiet" href={again(job)}>
          Train again…
        </a>
      )}
    </JobActions>
  );
}

/** Where a run comes from. */
function Origin({ job }: { job: TrainingRun }) {
  return (
    <>
      {job.start_from && (
        <>
          , begun with <a href={inferenceOf(job.start_from)}>{job.start_from}</a>
        </>
      )}
      {job.retry_of !== null && (
        <>
          , retry of <a href={`/runs/${job.retry_of}`}>run {job.retry_of}</a>
        </>
      )}
      {job.continues !== null && (
        <>
          , continues <a href={`/runs/${job.continues}`}>run {job.continues}</a>
        </>
      )}
      {job.restarts > 0 && `, taken up again by itself ${job.restarts === 1 ? "once" : `${job.restarts} times`}`}
    </>
  );
}

function inferenceOf(version: string): string {
  const [model = "", number] = version.split("@");
  return address("/inference", { model, version: number });
}

/** What goes wrong as the server sees it; it goes away when it is over. */
function Alarms({ job: { alarms } }: { job: TrainingRun }) {
  return (
    <div class="stack" role="status" hidden={alarms.length === 0}>
      {alarms.map((alarm) => (
        <div class="note mild" key={alarm.kind}>
          <span>{alarm.message}</span>
          <span class="small soft">Since step {number(alarm.step)}</span>
        </div>
      ))}
    </div>
  );
}

function ToTheFront({ job, onProblem }: ActionsProps) {
  const priority = priorityToLead(job, jobs.value.values());
  if (priority === null) return null;
  const move = async () => {
    try {
      remember([await api.prioritise(job, priority)]);
    } catch (reason) {
      onProblem(asProblem(reason));
    }
  };
  return (
    <button class="plain" type="button" onClick={move}>
      Move to the front
    </button>
  );
}

/** More steps for a run that ended well: a run of its own, from where this one stopped. */
function Continue({ job }: { job: TrainingRun }) {
  const { route } = useLocation();
  const id = useId();
  const [text, setText] = useState(String(job.total_steps));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const steps = /^\d+$/.test(text.trim()) ? Number(text) : 0;
  const error = steps < 1 ? "Write how many steps." : fieldErrors(problem).steps;
  const go = async (event: Event) => {
    event.preventDefault();
    if (steps < 1 || busy) return;
    setBusy(true);
    setProblem(null);
    try {
      const next = await api.continue(job.id, steps);
      remember([next]);
      route(`/runs/${next.id}`);
    } catch (reason) {
      setProblem(asProblem(reason));
      setBusy(false);
    }
  };
  return (
    <form class="stack tight" onSubmit={go} noValidate>
      <div class="row">
        <label for={id}>Continue for</label>
        <input
          id={id}
          class="short"
          inputMode="numeric"
          autocomplete="off"
          value={text}
          aria-invalid={error ? true : undefined}
          aria-describedby={`${id}-error`}
          onInput={(e) => setText(e.currentTarget.value)}
        />
        <span>more steps</span>
        <button class="quiet" type="submit" disabled={steps < 1}>
          {busy ? "Asking…" : "Continue"}
        </button>
      </div>
      <span id={`${id}-error`} class="field-error">
        {error}
      </span>
      {problem && !error && <ProblemNote problem={problem} />}
    </form>
  );
}

/** The Train page with this run's choices. */
function again(job: TrainingRun): string {
  return address("/train", {
    architecture: job.architecture,
    dataset: job.dataset,
    preset: job.preset ?? undefined,
    model: job.model,
    seed: String(job.seed),
    start_from: job.start_from ?? undefined,
    ...prefixed(written(job.hyperparameters), "hp."),
    ...prefixed(written(job.dataset_options), "data."),
  });
}

/** The Train page with the weights and the hyper-parameters of this run, for other pictures. */
function fineTune(job: TrainingRun, version: number): string {
  return address("/train", {
    architecture: job.architecture,
    preset: job.preset ?? undefined,
    start_from: `${job.model}@${version}`,
    ...prefixed(written(job.hyperparameters), "hp."),
  });
}

function written(values: Job["hyperparameters"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : String(value ?? "")]),
  );
}

function Facts({ job }: { job: TrainingRun }) {
  const took = secondsTaken(job);
  const facts: [string, string][] = [
    ["Step", `${number(job.step)} / ${number(job.total_steps)}`],
    ["Images a second", job.images_per_second ? number(Math.round(job.images_per_second)) : "–"],
    took === null
      ? ["Time left", job.eta_seconds === null ? "–" : duration(job.eta_seconds)]
      : ["Time taken", duration(took)],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
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
