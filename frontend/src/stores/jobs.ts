/** The jobs of every kind as the server last told them. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Evaluation, Job, Projection, StyleTransfer, TrainingRun } from "../api/types";
import { subscribe } from "./events";

export const jobs = signal<ReadonlyMap<number, Job>>(new Map());

export function remember(told: Job[]) {
  jobs.value = new Map([...jobs.value, ...told.map((job): [number, Job] => [job.id, job])]);
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
