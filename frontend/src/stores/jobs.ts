/** The jobs of every kind as the server last told them. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Evaluation, Job, Projection, StyleTransfer, TrainingRun } from "../api/types";
import { subscribe } from "./events";

export const jobs = signal<ReadonlyMap<number, Job>>(new Map());

/** Unless something newer is known: an answer may come after an event that tells of a later moment. */
export function remember(told: Job[]) {
  const known = new Map(jobs.value);
  for (const job of told) if (!isOlder(job, known.get(job.id))) known.set(job.id, job);
  jobs.value = known;
}

/** Two that were not made at the same moment are not the same job: the server has another database by now. */
function isOlder(job: Job, known: Job | undefined): boolean {
  return known?.created_at === job.created_at && job.revision < known.revision;
}

export function isRun(job: Job | undefined): job is TrainingRun {
  return job?.kind === "train";
}

export function isTransfer(job: Job | undefined): job is StyleTransfer {
  return job?.kind === "stylize";
}

/** Training runs, newest first. */
export function runsOf(all: ReadonlyMap<number, Job>): TrainingRun[] {
  return newestFirst(all).filter(isRun);
}

/** Style transfers, newest first. */
export function transfersOf(all: ReadonlyMap<number, Job>): StyleTransfer[] {
  return newestFirst(all).filter(isTransfer);
}

/** Evaluations, newest first. */
export function evaluationsOf(all: ReadonlyMap<number, Job>): Evaluation[] {
  return newestFirst(all).filter((job): job is Evaluation => job.kind === "evaluate");
}

/** Preparations of data sets, newest first. */
export function preparationsOf(all: ReadonlyMap<number, Job>): Job[] {
  return newestFirst(all).filter((job) => job.kind === "prepare");
}

/** Discoveries of what images can be turned to, newest first. */
export function discoveriesOf(all: ReadonlyMap<number, Job>): Job[] {
  return newestFirst(all).filter((job) => job.kind === "discover");
}

/** Projections of pictures, newest first. */
export function projectionsOf(all: ReadonlyMap<number, Job>): Projection[] {
  return newestFirst(all).filter((job): job is Projection => job.kind === "project");
}

function newestFirst(all: ReadonlyMap<number, Job>): Job[] {
  return [...all.values()].sort((a, b) => b.id - a.id);
}

export function useLiveJobs() {
  useEffect(() => subscribe("jobs", (event) => event.type === "job" && remember([event.data])), []);
}
