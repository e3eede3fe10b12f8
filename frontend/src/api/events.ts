/** The server's events, as they come over the one stream. */

import type { MetricPoint } from "../lib/series";
import type { Job, Preview } from "./types";

export type ServerEvent =
  | { type: "job"; job: number; data: Job }
  | { type: "metrics"; job: number; data: MetricPoint }
  | { type: "preview"; job: number; data: Preview };

export type Topic = "jobs" | `job:${number}`;

/** "jobs" is every job's state; "job:7" is all that job 7 tells. */
export function concerns(topic: Topic, event: ServerEvent): boolean {
  return topic === "jobs" ? event.type === "job" : topic === `job:${event.job}`;
}
