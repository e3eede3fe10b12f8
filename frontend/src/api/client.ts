/** The calls the pages make. A refusal is thrown as a Problem. */

import createClient from "openapi-fetch";
import type { Deed } from "../lib/job";
import { address } from "../lib/url";
import { connection } from "../stores/events";
import { Problem, problemFrom } from "./problem";
import type { paths } from "./schema";
import type {
  Architecture,
  Dataset,
  DatasetClass,
  Job,
  Page,
  Picture,
  Report,
  Sample,
  Skipped,
  Sources,
  Status,
  TrainingBody,
  TrainingRequest,
} from "./types";

/** Any answer shows that the server is there; none, that it is away. */
async function reach(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    if (connection.value === "away") connection.value = "open";
    return response;
  } catch {
    connection.value = "away";
    throw new Problem(0, "The server does not answer.");
  }
}

const client = createClient<paths>({ baseUrl: location.origin, fetch: reach, headers: { accept: "application/json" } });

async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (data === undefined || !response.ok) throw problemFrom(response.status, error);
  return data;
}

/** A call of which the generated types say nothing yet. */
async function ask<T>(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T> {
  const headers = new Headers({ accept: "application/json" });
  if (body !== undefined) headers.set("content-type", "application/json");
  const text = body === undefined ? null : JSON.stringify(body);
  const response = await reach(new Request(new URL(path, location.origin), { method, headers, body: text }));
  const data: unknown = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw problemFrom(response.status, data);
  return data as T;
}

const runPath = (id: number) => ({ path: { run_id: id } });

export const api = {
  architectures: async () => (await answer(client.GET("/api/v1/architectures"))).items as Architecture[],
  datasets: async () => (await ask<Page<Dataset>>("GET", "/api/v1/datasets")).items,
  dataset: (name: string) => ask<Dataset>("GET", datasetUrl(name)),
  datasetClasses: async (name: string) => (await ask<Page<DatasetClass>>("GET", `${datasetUrl(name)}/classes`)).items,
  datasetSamples: async (name: string, count: number, seed: number) =>
    (await ask<Page<Sample>>("GET", `${datasetUrl(name)}/samples?count=${count}&seed=${seed}&resolution=96`)).items,
  datasetReport: (name: string) => ask<Report>("GET", `${datasetUrl(name)}/report`),
  datasetSkipped: (name: string, cursor?: string) =>
    ask<Page<Skipped>>("GET", address(`${datasetUrl(name)}/skipped`, { limit: "50", cursor })),
  deleteDataset: (name: string) => ask<null>("DELETE", datasetUrl(name)),
  sources: () => ask<Sources>("GET", "/api/v1/dataset-sources"),
  preparations: async () => (await ask<Page<Job>>("GET", "/api/v1/preparations?limit=50")).items,
  runs: (cursor?: string, status?: Status) =>
    ask<Page<Job>>("GET", address("/api/v1/training-runs", { limit: "50", cursor, status })),
  run: async (id: number) =>
    (await answer(client.GET("/api/v1/training-runs/{run_id}", { params: runPath(id) }))) as Job,
  train: async (run: TrainingRequest) =>
    (await answer(client.POST("/api/v1/training-runs", { body: run as TrainingBody }))) as Job,
  ask: (job: Job, deed: Deed) => ask<Job>("POST", `${jobUrl(job)}/${deed}`),
  continue: (id: number, steps: number) => ask<Job>("POST", `/api/v1/training-runs/${id}/continue`, { steps }),
  prioritise: (job: Job, priority: number) => ask<Job>("PATCH", jobUrl(job), { priority }),
  metrics: (id: number, points: number) =>
    answer(
      client.GET("/api/v1/training-runs/{run_id}/metrics", {
        params: { ...runPath(id), query: { max_points: points } },
      }),
    ),
  previews: async (id: number) =>
    (await answer(client.GET("/api/v1/training-runs/{run_id}/previews", { params: runPath(id) }))).items,
  models: async () => (await answer(client.GET("/api/v1/models"))).items,
  versions: async (name: string) =>
    (await answer(client.GET("/api/v1/models/{name}/versions", { params: { path: { name } } }))).items,
  draw: async (name: string, version: number, seed: number, count: number) =>
    (
      (await answer(
        client.POST("/api/v1/models/{name}/versions/{number}/images", {
          params: { path: { name, number: version } },
          body: { seed, count, format: "png" },
        }),
      )) as { items: Picture[] }
    ).items, // an image/png when one asks for that
  logs: async () => (await answer(client.GET("/api/v1/logs"))).items,
  log: async (name: string, offset: number) => {
    const response = await reach(new Request(`${logUrl(name)}?offset=${offset}`));
    if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => null));
    return { text: await response.text(), next: Number(response.headers.get("next-offset")) };
  },
  system: () => answer(client.GET("/api/v1/system")),
};

export const logUrl = (name: string) => `/api/v1/logs/${encodeURIComponent(name)}`;
export const logEventsUrl = (name: string, offset: number) => `${logUrl(name)}/events?offset=${offset}`;

/** Jobs of each kind have an address of their own. */
const jobUrl = ({ id, kind }: Job) => `/api/v1/${kind === "prepare" ? "preparations" : "training-runs"}/${id}`;

const datasetUrl = (name: string) => `/api/v1/datasets/${encodeURIComponent(name)}`;

/** A grid of pictures from a data set. */
export const samplesUrl = (dataset: string, count: number, resolution: number) =>
  `${datasetUrl(dataset)}/samples?count=${count}&resolution=${resolution}&seed=0`;

/** One picture of a data set. */
export const pictureUrl = (dataset: string, index: number, resolution: number) =>
  `${datasetUrl(dataset)}/images/${index}?resolution=${resolution}`;
