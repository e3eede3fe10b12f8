/** How the server is reached: every request goes through here, and a refusal is thrown as a Problem. */

import createClient from "openapi-fetch";
import { noticed } from "../stores/events";
import { t } from "../strings";
import { Problem, problemFrom } from "./problem";
import type { paths } from "./schema";
import type { Job } from "./types";

/** Any answer shows that the server is there; none, that it is away. */
export async function reach(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    noticed(true);
    return response;
  } catch (reason) {
    if (request.signal.aborted) throw reason;
    noticed(false);
    throw new Problem(0, t.pieces.noAnswer);
  }
}

export const client = createClient<paths>({
  baseUrl: location.origin,
  fetch: reach,
  headers: { accept: "application/json" },
});

export async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (data === undefined || !response.ok) throw problemFrom(response.status, error, response.headers);
  return data;
}

/** An answer that is a file: a film, or a zip. */
export async function file(path: string, body: unknown, accept: string): Promise<Blob> {
  const headers = { accept, "content-type": "application/json" };
  const request = new Request(new URL(path, location.origin), { method: "POST", headers, body: JSON.stringify(body) });
  const response = await reach(request);
  if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => null), response.headers);
  return await response.blob();
}

/** A call that answers with nothing but that it is done. */
export async function done(call: Promise<{ error?: unknown; response: Response }>): Promise<void> {
  const { error, response } = await call;
  if (!response.ok) throw problemFrom(response.status, error, response.headers);
}

const places: Partial<Record<Job["kind"], string>> = {
  prepare: "preparations",
  discover: "discoveries",
  evaluate: "evaluations",
  project: "projections",
  stylize: "style-transfers",
};

/** A call whose address depends on a job's kind. */
export async function ask(job: Job, method: "POST" | "PATCH", what: string, body?: unknown): Promise<Job> {
  const path = `/api/v1/${places[job.kind] ?? "training-runs"}/${job.id}${what}`;
  const headers = new Headers({ accept: "application/json" });
  if (body !== undefined) headers.set("content-type", "application/json");
  const request = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
  const response = await reach(new Request(new URL(path, location.origin), request));
  const data: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemFrom(response.status, data);
  return data as Job;
}
