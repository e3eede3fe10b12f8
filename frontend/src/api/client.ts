/** The calls the pages make. A refusal is thrown as a Problem. */

import createClient from "openapi-fetch";
import { connection } from "../stores/events";
import { Problem, problemFrom } from "./problem";
import type { paths } from "./schema";
import type { Architecture, Dataset, Job, Picture, TrainingRun, TrainingRunBody } from "./types";

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

const runPath = (id: number) => ({ path: { run_id: id } });

export const api = {
  architectures: async () => (await answer(client.GET("/api/v1/architectures"))).items as Architecture[],
  datasets: async () => (await answer(client.GET("/api/v1/datasets"))).items as Dataset[],
  runs: async (cursor?: string) => {
    const page = await answer(client.GET("/api/v1/training-runs", { params: { query: { limit: 50, cursor } } }));
    return { items: page.items as Job[], next_cursor: page.next_cursor };
  },
  run: async (id: number) =>
    (await answer(client.GET("/api/v1/training-runs/{run_id}", { params: runPath(id) }))) as Job,
  train: async (run: TrainingRun) =>
    (await answer(client.POST("/api/v1/training-runs", { body: run as TrainingRunBody }))) as Job,
  cancel: async (id: number) =>
    (await answer(client.POST("/api/v1/training-runs/{run_id}/cancel", { params: runPath(id) }))) as Job,
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

/** A grid of pictures from a data set. */
export const samplesUrl = (dataset: string, count: number, resolution: number) =>
  `/api/v1/datasets/${encodeURIComponent(dataset)}/samples?count=${count}&resolution=${resolution}&seed=0`;
