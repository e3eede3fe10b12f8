/** Small pieces that several pages share. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import type { Job } from "../api/types";
import { jobName, statusText, statusWords, troubleWords } from "../lib/job";
import { t } from "../strings";

interface PageHeadProps {
  title: string;
  tab?: string; // what the browser's tab says, where it is not the title
  actions?: ComponentChildren;
  children?: ComponentChildren;
}

export function PageHead({ title, tab = t.shell.tab(title), actions, children }: PageHeadProps) {
  useEffect(() => {
    document.title = tab;
  }, [tab]);
  return (
    <div class="page-head">
      <div class="row apart">
        <h1 tabIndex={-1}>{title}</h1>
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
  return <div class="loading" role="status" aria-label={t.pieces.loading} />;
}

export function StatusMark({ job }: { job: Job }) {
  return <span class={`status ${job.status}`}>{statusText(job)}</span>;
}

/** What happened to a job that it does not go on, or had to begin again. */
export function Trouble({ job }: { job: Job }) {
  const words = troubleWords(job);
  if (words === null) return null;
  return (
    <div class={`note ${job.status === "failed" ? "" : "mild"}`} role="alert">
      <strong>{words}</strong>
      <span>{job.error}</span>
    </div>
  );
}

/** The bar, and the same in words for a screen reader, which hears it every tenth of the way. */
export function JobProgress({ job }: { job: Job }) {
  const tenth = Math.floor(job.progress * 10) * 10;
  return (
    <>
      <progress value={job.progress} max={1} aria-label={t.pieces.progressOf(jobName(job))} />
      <span class="hidden-visually" aria-live="polite">
        {t.pieces.tenths(jobName(job), statusWords[job.status], job.status === "running" ? tenth : null)}
      </span>
    </>
  );
}

/** Rows of a name, a bar as long as the row's value, and the value in words. */
export function Bars({ rows, label }: { rows: Bar[]; label: string }) {
  const most = Math.max(...rows.map((row) => row.value));
  return (
    <ul class="bars" aria-label={label}>
      {rows.map((row) => (
        <li key={row.name}>
          <span class="name">{row.name}</span>
          <span class="bar" style={{ "--share": most > 0 ? row.value / most : 0 }} />
          <span class="soft">{row.text}</span>
        </li>
      ))}
    </ul>
  );
}

export interface Bar {
  name: string;
  value: number;
  text: string;
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

/** What is to be known at a glance, each with its name above. */
export function FactList({ facts }: { facts: [string, string][] }) {
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
