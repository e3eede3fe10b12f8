/** The training runs as the server last told them. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Job, Status } from "../api/types";
import { subscribe } from "./events";

export const jobs = signal<ReadonlyMap<number, Job>>(new Map());

export function remember(told: Job[]) {
  jobs.value = new Map([...jobs.value, ...told.map((job): [number, Job] => [job.id, job])]);
}

/** Newest first. */
export function newestFirst(all: ReadonlyMap<number, Job>): Job[] {
  return [...all.values()].sort((a, b) => b.id - a.id);
}

export function isLive(status: Status): boolean {
  return status === "queued" || status === "starting" || status === "running";
}

export function useLiveJobs() {
  useEffect(() => subscribe("jobs", (event) => event.type === "job" && remember([event.data])), []);
}
