/** Small pieces that several pages share. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import type { Job } from "../api/types";
import { duration, number, percent } from "../lib/format";

interface PageHeadProps {
  title: string;
  tab?: string; // what the browser's tab says, where it is not the title
  actions?: ComponentChildren;
  children?: ComponentChildren;
}

export function PageHead({ title, tab = `${title} · Atelier`, actions, children }: PageHeadProps) {
  useEffect(() => {
    document.title = tab;
  }, [tab]);
  return (
    <div class="page-head">
      <div class="row apart">
        <h1>{title}</h1>
        {actions}
      </div>
      {children}
    </div>
  );
}

export function ProblemNote({ problem }: { problem: Problem | null }) {
  if (!problem) return null;
  return (
    <div class="note" role="alert">
      <strong>{problem.title}</strong>
      {problem.detail && problem.detail !== problem.title && <span>{problem.detail}</span>}
    </div>
  );
}

/** Where something is about to come. */
export function Loading() {
  return <div class="loading" role="status" aria-label="Loading" />;
}

const statusWords: Record<Job["status"], string> = {
  queued: "Queued",
  starting: "Starting",
  running: "Running",
  paused: "Paused",
  succeeded: "Succeeded",
  failed: "Failed",
  cancelled: "Cancelled",
};

export function StatusMark({ job }: { job: Job }) {
  const cancelling = job.cancel_requested && (job.status === "running" || job.status === "starting");
  return <span class={`status ${job.status}`}>{cancelling ? "Cancelling…" : statusWords[job.status]}</span>;
}

/** The bar, and the same in words for a screen reader, which hears it every tenth of the way. */
export function JobProgress({ job }: { job: Job }) {
  const tenth = Math.floor(job.progress * 10) * 10;
  return (
    <>
      <progress value={job.progress} max={1} aria-label={`Progress of ${job.model}`} />
      <span class="hidden-visually" aria-live="polite">
        {`${job.model}: ${statusWords[job.status]}${job.status === "running" ? `, ${tenth} percent` : ""}`}
      </span>
    </>
  );
}

export function progressWords(job: Job): string {
  switch (job.status) {
    case "queued":
      return "Waits for its turn";
    case "starting":
      return "Starts its process";
    case "running":
      if (job.step === 0) return "Prepares the data set";
      return `${percent(job.progress)}${job.eta_seconds === null ? "" : `, ${duration(job.eta_seconds)} left`}`;
    case "succeeded":
      return `${number(job.step)} steps${tookWords(job)}`;
    default:
      return `${statusWords[job.status]} after ${number(job.step)} of ${number(job.total_steps ?? 0)} steps`;
  }
}

function tookWords(job: Job): string {
  const took = secondsTaken(job);
  return took === null ? "" : ` in ${duration(took)}`;
}

/** From the start of its process to its end; null while there is no end. */
export function secondsTaken({ started_at, finished_at }: Job): number | null {
  return started_at && finished_at ? (Date.parse(finished_at) - Date.parse(started_at)) / 1000 : null;
}

/** A picture whose place is kept before it comes; `alt` is shown when it does not. */
export function Picture({ src, alt, class: more = "" }: { src: string; alt: string; class?: string }) {
  return <img class={`picture ${more}`} src={src} alt={alt} loading="lazy" decoding="async" />;
}

/** The time, told again every so many seconds, for words like "5 minutes ago". */
export function useNow(seconds: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
  return now;
}
