/** The server's events, as they come over the one stream. */

import type { MetricPoint } from "../lib/series";
import type { Job, Preview, System } from "./types";

/** Text that was appended to a log, and the bytes that it is; none where the stream begins, which tells where the log ends. */
export interface Appended {
  log: string;
  offset: number;
  next: number;
  text: string;
}

export type ServerEvent =
  | { type: "job"; job: number; data: Job }
  | { type: "metrics"; job: number; data: MetricPoint }
  | { type: "preview"; job: number; data: Preview }
  | { type: "log"; data: Appended }
  | { type: "system"; data: System };

export type Topic = "jobs" | "system" | `job:${number}` | `log:${string}`;

export function eventOf(type: string, data: { id: number; job: number }): ServerEvent {
  return { type, job: type === "job" ? data.id : data.job, data } as unknown as ServerEvent;
}

/** "jobs" is every job's state; "job:7" is all that job 7 tells; "log:NAME" is what a log gets; "system" is how the machine is. */
export function concerns(topic: Topic, event: ServerEvent): boolean {
  if (event.type === "system") return topic === "system";
  if (event.type === "log") return topic === `log:${event.data.log}`;
  return topic === "jobs" ? event.type === "job" : topic === `job:${event.job}`;
}
