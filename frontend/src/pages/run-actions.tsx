/** What can be done with a run from its page, and what its page says beside the charts. */

import { useId, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api } from "../api/client";
import { fieldErrors, type Problem } from "../api/problem";
import type { Job, TrainingRun } from "../api/types";
import { JobActions } from "../components/JobActions";
import { ProblemNote } from "../components/pieces";
import { number } from "../lib/format";
import { priorityToLead } from "../lib/job";
import { asProblem } from "../lib/resource";
import { address, prefixed } from "../lib/url";
import { jobs, remember } from "../stores/jobs";
import { t } from "../strings";

interface ActionsProps {
  job: TrainingRun;
  onProblem: (problem: Problem | null) => void;
}

export function Actions({ job, onProblem }: ActionsProps) {
  const { route } = useLocation();
  const ended = job.status === "succeeded" || job.status === "failed" || job.status === "cancelled";
  return (
    <JobActions job={job} onProblem={onProblem} onNew={(next) => route(`/runs/${next.id}`)}>
      {job.version !== null && (
        <a class="button" href={address("/inference", { model: job.model, version: String(job.version) })}>
          {t.run.draw(job.version)}
        </a>
      )}
      {job.version !== null && (
        <a class="button quiet" href={address("/metrics", { measure: `${job.model}@${job.version}` })}>
          {t.run.measure}
        </a>
      )}
      {job.version !== null && (
        <a class="button quiet" href={fineTune(job, job.version)}>
          {t.run.fineTune}
        </a>
      )}
      {ended && (
        <a class="button quiet" href={again(job)}>
          {t.run.again}
        </a>
      )}
    </JobActions>
  );
}

/** Where a run comes from. */
export function Origin({ job }: { job: TrainingRun }) {
  return (
    <>
      {job.start_from && (
        <>
          {t.run.begunWith}
          <a href={inferenceOf(job.start_from)}>{job.start_from}</a>
        </>
      )}
      {job.retry_of !== null && (
        <>
          {t.run.retryOf}
          <a href={`/runs/${job.retry_of}`}>{t.run.link(job.retry_of)}</a>
        </>
      )}
      {job.continues !== null && (
        <>
          {t.run.continues}
          <a href={`/runs/${job.continues}`}>{t.run.link(job.continues)}</a>
        </>
      )}
      {job.restarts > 0 && t.run.restarts(job.restarts)}
    </>
  );
}

function inferenceOf(version: string): string {
  const [model = "", number] = version.split("@");
  return address("/inference", { model, version: number });
}

/** What goes wrong as the server sees it; it goes away when it is over. */
export function Alarms({ job: { alarms } }: { job: TrainingRun }) {
  return (
    <div class="stack" role="status" hidden={alarms.length === 0}>
      {alarms.map((alarm) => (
        <div class="note mild" key={alarm.kind}>
          <span>{alarm.message}</span>
          <span class="small soft">{t.run.since(number(alarm.step))}</span>
        </div>
      ))}
    </div>
  );
}

export function ToTheFront({ job, onProblem }: ActionsProps) {
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
      {t.run.toFront}
    </button>
  );
}

/** More steps for a run that ended well: a run of its own, from where this one stopped. */
export function Continue({ job }: { job: TrainingRun }) {
  const { route } = useLocation();
  const id = useId();
  const [text, setText] = useState(String(job.total_steps));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const steps = /^\d+$/.test(text.trim()) ? Number(text) : 0;
  const error = steps < 1 ? t.run.noSteps : fieldErrors(problem).steps;
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
        <label for={id}>{t.run.continueFor}</label>
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
        <span>{t.run.moreSteps}</span>
        <button class="quiet" type="submit" disabled={steps < 1}>
          {busy ? t.run.asking : t.run.continue}
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
