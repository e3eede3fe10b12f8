/** A job in words, and what can be done with it. Everything follows from the state that the server told. */

import type { Job, Status } from "../api/types";
import { t } from "../strings";
import { duration, number, percent } from "./format";

export const statusWords: Record<Status, string> = t.job.statuses;

export const statuses = Object.keys(statusWords) as Status[];

/** It waits for a process or has one. */
export function isLive(status: Status): boolean {
  return status === "queued" || hasProcess(status);
}

function hasProcess(status: Status): boolean {
  return status === "starting" || status === "running";
}

/** The state, or what it is about to become. */
export function statusText({ status, cancel_requested, pause_requested }: Job): string {
  if (hasProcess(status) && cancel_requested) return t.job.cancelling;
  if (hasProcess(status) && pause_requested) return t.job.pausing;
  return statusWords[status];
}

/** What a job is called in a list. */
export function jobName(job: Job): string {
  if (job.kind === "stylize") return t.job.named.transfer(job.id);
  if (job.kind === "project") return t.job.named.projection(job.id);
  if (job.kind === "evaluate") return t.job.named.evaluation(job.evaluation?.subject ?? job.model ?? "");
  return job.model ?? job.dataset ?? t.job.named.job(job.id);
}

const preparing: Record<string, string> = {
  download: t.job.downloading,
  unpack: t.job.unpacking,
  scan: t.job.looking,
  prepare: t.job.drawingSmall,
};

export function progressWords(job: Job): string {
  switch (job.status) {
    case "queued":
      return job.queue_position ? t.job.inQueue(job.queue_position) : t.job.waits;
    case "starting":
      return t.job.starts;
    case "running":
      if (job.kind === "evaluate") return evaluationWords(job);
      return job.kind === "prepare" ? preparationWords(job) : trainingWords(job);
    case "succeeded":
      if (job.kind === "evaluate") return withTime(t.job.picturesLookedAt(number(job.step)), job);
      return withTime(job.kind === "prepare" ? t.job.ready : t.job.steps(number(job.step)), job);
    default:
      return job.kind === "prepare" || job.kind === "evaluate" || job.total_steps === 0
        ? statusWords[job.status]
        : t.job.endedAfter(statusWords[job.status], number(job.step), number(job.total_steps));
  }
}

function preparationWords(job: Job): string {
  const stage = preparing[job.stage ?? ""] ?? t.job.preparing;
  return job.total_steps > 0 ? t.job.stage(stage, number(job.step), number(job.total_steps)) : stage;
}

const measuring: Record<string, string> = {
  network: t.job.network,
  pictures: t.job.version,
  prepare: t.job.prepares,
};

function evaluationWords({ stage, step, total_steps, eta_seconds }: Job): string {
  if (stage !== null && stage in measuring) return measuring[stage] ?? "";
  if (total_steps === 0) return t.job.begins;
  return withLeft(t.job.pictures(number(step), number(total_steps)), eta_seconds);
}

function trainingWords(job: Job): string {
  if (job.step === 0) return job.kind === "stylize" || job.kind === "project" ? t.job.looks : t.job.prepares;
  return withLeft(percent(job.progress), job.eta_seconds);
}

function withLeft(progress: string, seconds: number | null): string {
  return seconds === null ? progress : t.job.left(progress, duration(seconds));
}

function withTime(what: string, job: Job): string {
  const took = secondsTaken(job);
  return took === null ? what : t.job.took(what, duration(took));
}

/** From the start of its process to its end; null while there is no end. */
export function secondsTaken({ started_at, finished_at }: Job): number | null {
  return started_at && finished_at ? (Date.parse(finished_at) - Date.parse(started_at)) / 1000 : null;
}

export type Deed = "pause" | "resume" | "cancel" | "retry";

const trainingDeeds: Record<Status, Deed[]> = {
  queued: ["pause", "cancel"],
  starting: ["pause", "cancel"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  interrupted: ["resume", "retry", "cancel"],
  failed: ["resume", "retry"],
  cancelled: ["retry"],
  succeeded: [],
};

const resumable: Job["kind"][] = ["train", "stylize", "project"];

/** What can be asked of a job now; a pause that is still to come can be taken back. A preparation has no middle to go on from. */
export function deeds({ kind, status, pause_requested, cancel_requested }: Job): Deed[] {
  if (hasProcess(status) && cancel_requested) return ["cancel"];
  if (hasProcess(status) && pause_requested) return ["resume", "cancel"];
  const all = trainingDeeds[status];
  return resumable.includes(kind)
    ? all
    : all.filter((deed) => deed !== "pause" && (deed !== "resume" || status !== "failed"));
}

/** Jobs that wait, in the order in which they start. */
export function queued(jobs: Iterable<Job>): Job[] {
  return [...jobs].filter((job) => job.status === "queued").sort((a, b) => b.priority - a.priority || a.id - b.id);
}

/** The priority that puts a job before all that wait; null where it stands there already. */
export function priorityToLead(job: Job, jobs: Iterable<Job>): number | null {
  const first = queued(jobs)[0];
  return first === undefined || first.id === job.id ? null : first.priority + 1;
}

/** Of preparations, newest first: what goes on, and the last attempt at a set that went wrong and is not there since. */
export function pending(preparations: Job[], datasets: { name: string }[], hidden: readonly number[]): Job[] {
  return preparations.filter(({ id, status, dataset }, index) => {
    if (isLive(status)) return true;
    const first = preparations.findIndex((other) => other.dataset === dataset) === index;
    const wrong = status === "interrupted" || (status === "failed" && !hidden.includes(id));
    return wrong && first && !datasets.some((known) => known.name === dataset);
  });
}

/** Why it is not where one expects it; null where nothing is wrong. */
export function troubleWords({ status, error, restarts }: Job): string | null {
  if (error === null) return null;
  if (status === "failed") return t.job.failed;
  if (status === "interrupted") return t.job.interrupted;
  return restarts > 0 ? t.job.takenUp : t.job.putDown;
}

/** How long it still takes, or took. */
export function timeFact(job: Job): [string, string] {
  const took = secondsTaken(job);
  if (took !== null) return [t.job.timeTaken, duration(took)];
  return [t.job.timeLeft, job.eta_seconds === null ? "–" : duration(job.eta_seconds)];
}
