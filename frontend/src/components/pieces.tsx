/** Small pieces that several pages share. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import type { Job } from "../api/types";
import { duration, number, percent } from "../lib/format";

export function PageHead({ title, children }: { title: string; children?: ComponentChildren }) {
  useEffect(() => {
    document.title = title === "Atelier" ? title : `${title} · Atelier`;
  }, [title]);
  return (
    <div class="page-head">
      <h1>{title}</h1>
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
      return "Prepares the data set";
    case "running":
      return `${percent(job.progress)}${job.eta_seconds === null ? "" : `, ${duration(job.eta_seconds)} left`}`;
    case "succeeded":
      return `${number(job.step)} steps${tookWords(job)}`;
    default:
      return `after ${number(job.step)} of ${number(job.total_steps ?? 0)} steps`;
  }
}

function tookWords(job: Job): string {
  if (!job.started_at || !job.finished_at) return "";
  return ` in ${duration((Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000)}`;
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
