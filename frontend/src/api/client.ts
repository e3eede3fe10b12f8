/** The calls the pages make, in the order of the API. */

import type { Deed } from "../lib/job";
import type { Wishes } from "../lib/wishes";
import { logUrl } from "./addresses";
import { problemFrom } from "./problem";
import { answer, ask, client, done, file, reach } from "./reach";
import type { components, paths } from "./schema";
import type {
  Architecture,
  Compared,
  ComparisonBody,
  Dataset,
  Evaluation,
  EvaluationBody,
  EvaluationRequest,
  HistoryQuery,
  ImageChanges,
  ImagesBody,
  Inspection,
  Job,
  MixBody,
  Mixed,
  Picture,
  Projection,
  ProjectionBody,
  Sample,
  Score,
  Status,
  StyleMethod,
  StyleTransfer,
  StyleTransferBody,
  TrainingBody,
  TrainingRequest,
  VersionsQuery,
  WalkBody,
  WalkMade,
} from "./types";

export interface RunFilters {
  status?: Status | undefined;
  architecture?: string | undefined;
  dataset?: string | undefined;
  model?: string | undefined;
  q?: string | undefined;
}

type ScoreQuery = Omit<NonNullable<paths["/api/v1/scores"]["get"]["parameters"]["query"]>, "limit" | "cursor">;

const runPath = (id: number) => ({ path: { run_id: id } });
const transferPath = (id: number) => ({ path: { transfer_id: id } });
const named = (name: string) => ({ path: { name } });
const numbered = (name: string, number: number) => ({ path: { name, number } });
const imagePath = (id: string) => ({ path: { image_id: id } });

export const api = {
  architectures: async () => (await answer(client.GET("/api/v1/architectures"))).items as Architecture[],
  datasets: async () => (await answer(client.GET("/api/v1/datasets"))).items as Dataset[],
  dataset: async (name: string) =>
    (await answer(client.GET("/api/v1/datasets/{name}", { params: named(name) }))) as Dataset,
  datasetClasses: async (name: string) =>
    (await answer(client.GET("/api/v1/datasets/{name}/classes", { params: named(name) }))).items,
  datasetSamples: async (name: string, count: number, seed: number) =>
    (
      (await answer(
        client.GET("/api/v1/datasets/{name}/samples", {
          params: { ...named(name), query: { count, seed, resolution: 96 } },
        }),
      )) as { items: Sample[] }
    ).items, // an image/png when one asks for that
  datasetReport: (name: string) => answer(client.GET("/api/v1/datasets/{name}/report", { params: named(name) })),
  datasetSkipped: (name: string, cursor?: string) =>
    answer(client.GET("/api/v1/datasets/{name}/skipped", { params: { ...named(name), query: { limit: 50, cursor } } })),
  deleteDataset: (name: string) => done(client.DELETE("/api/v1/datasets/{name}", { params: named(name) })),
  sources: () => answer(client.GET("/api/v1/dataset-sources")),
  preparations: async () =>
    (await answer(client.GET("/api/v1/preparations", { params: { query: { limit: 50 } } }))).items as Job[],
  runs: async (cursor?: string, only: RunFilters = {}) => {
    const query = { limit: 50, cursor, ...only };
    const page = await answer(client.GET("/api/v1/training-runs", { params: { query } }));
    return { items: page.items as Job[], next_cursor: page.next_cursor };
  },
  run: async (id: number) =>
    (await answer(client.GET("/api/v1/training-runs/{run_id}", { params: runPath(id) }))) as Job,
  train: async (run: TrainingRequest) =>
    (await answer(client.POST("/api/v1/training-runs", { body: run as TrainingBody }))) as Job,
  ask: (job: Job, deed: Deed) => ask(job, "POST", `/${deed}`),
  prioritise: (job: Job, priority: number) => ask(job, "PATCH", "", { priority }),
  continue: async (id: number, steps: number) =>
    (await answer(
      client.POST("/api/v1/training-runs/{run_id}/continue", { params: runPath(id), body: { steps } }),
    )) as Job,
  metrics: (id: number, points: number) =>
    answer(
      client.GET("/api/v1/training-runs/{run_id}/metrics", {
        params: { ...runPath(id), query: { max_points: points } },
      }),
    ),
  previews: async (id: number) =>
    (await answer(client.GET("/api/v1/training-runs/{run_id}/previews", { params: runPath(id) }))).items,
  models: async () => (await answer(client.GET("/api/v1/models"))).items,
  model: (name: string) => answer(client.GET("/api/v1/models/{name}", { params: named(name) })),
  version: (name: string, number: string) =>
    answer(client.GET("/api/v1/models/{name}/versions/{number}", { params: { path: { name, number } } })),
  allVersions: (query: VersionsQuery) => answer(client.GET("/api/v1/versions", { params: { query } })),
  noteModel: (name: string, note: string) =>
    answer(client.PATCH("/api/v1/models/{name}", { params: named(name), body: { note } })),
  noteVersion: (name: string, number: number, note: string) =>
    answer(client.PATCH("/api/v1/models/{name}/versions/{number}", { params: numbered(name, number), body: { note } })),
  aliases: async (name: string) =>
    (await answer(client.GET("/api/v1/models/{name}/aliases", { params: named(name) }))).items,
  giveAlias: (name: string, alias: string, version: number) =>
    answer(
      client.PUT("/api/v1/models/{name}/aliases/{alias}", { params: { path: { name, alias } }, body: { version } }),
    ),
  takeAlias: (name: string, alias: string) =>
    done(client.DELETE("/api/v1/models/{name}/aliases/{alias}", { params: { path: { name, alias } } })),
  deleteModel: (name: string) => done(client.DELETE("/api/v1/models/{name}", { params: named(name) })),
  deleteVersion: (name: string, number: number) =>
    done(client.DELETE("/api/v1/models/{name}/versions/{number}", { params: numbered(name, number) })),
  restoreModel: (name: string) => answer(client.POST("/api/v1/models/{name}/restore", { params: named(name) })),
  restoreVersion: (name: string, number: number) =>
    answer(client.POST("/api/v1/models/{name}/versions/{number}/restore", { params: numbered(name, number) })),
  bin: async () => (await answer(client.GET("/api/v1/bin"))).items,
  emptyBin: () => answer(client.DELETE("/api/v1/bin")),
  versions: async (name: string) =>
    (await answer(client.GET("/api/v1/models/{name}/versions", { params: named(name) }))).items,
  abilities: (name: string, number: number) =>
    answer(client.GET("/api/v1/models/{name}/versions/{number}/abilities", { params: numbered(name, number) })),
  draw: async (
    name: string,
    number: number,
    seeds: { seed: number; count: number } | { seeds: number[] },
    wishes: Wishes,
  ) =>
    (
      (await answer(
        client.POST("/api/v1/models/{name}/versions/{number}/images", {
          params: numbered(name, number),
          body: { ...wishes, ...seeds } as ImagesBody,
        }),
      )) as { items: Picture[] }
    ).items, // an image/png when one asks for that
  walk: async (name: string, number: number, body: WalkBody) =>
    (await answer(
      client.POST("/api/v1/models/{name}/versions/{number}/interpolations", {
        params: numbered(name, number),
        body: body as components["schemas"]["InterpolationIn"],
      }),
    )) as WalkMade,
  walkFile: (name: string, number: number, body: WalkBody, accept: string) =>
    file(`/api/v1/models/${encodeURIComponent(name)}/versions/${number}/interpolations`, body, accept),
  mix: async (name: string, number: number, body: MixBody) =>
    (await answer(
      client.POST("/api/v1/models/{name}/versions/{number}/style-mixing", {
        params: numbered(name, number),
        body: body as components["schemas"]["StyleMixingIn"],
      }),
    )) as Mixed,
  compare: async (body: Partial<ComparisonBody> & Pick<ComparisonBody, "versions">) =>
    (await answer(client.POST("/api/v1/comparisons", { body: body as ComparisonBody }))) as Compared,
  history: (query: HistoryQuery) => answer(client.GET("/api/v1/images", { params: { query } })),
  recipe: (id: string) => answer(client.GET("/api/v1/images/{image_id}/recipe", { params: imagePath(id) })),
  changeImage: (id: string, body: { favourite?: boolean; note?: string | null }) =>
    answer(client.PATCH("/api/v1/images/{image_id}", { params: imagePath(id), body: body as ImageChanges })),
  deleteImage: (id: string) => done(client.DELETE("/api/v1/images/{image_id}", { params: imagePath(id) })),
  /** What a picture's file tells of itself. */
  inspect: async (picture: File) => {
    const form = new FormData();
    form.set("file", picture);
    const headers = { accept: "application/json" };
    const request = new Request(new URL("/api/v1/images/inspect", location.origin), {
      method: "POST",
      headers,
      body: form,
    });
    const response = await reach(request);
    const told: unknown = await response.json().catch(() => null);
    if (!response.ok) throw problemFrom(response.status, told);
    return told as Inspection;
  },
  directions: async (name: string, number: number) =>
    (await answer(client.GET("/api/v1/models/{name}/versions/{number}/directions", { params: numbered(name, number) })))
      .items,
  changeDirection: (name: string, number: number, id: string, body: { name?: string; hidden?: boolean }) =>
    answer(
      client.PATCH("/api/v1/models/{name}/versions/{number}/directions/{direction_id}", {
        params: { path: { name, number, direction_id: id } },
        body,
      }),
    ),
  removeDirection: (name: string, number: number, id: string) =>
    done(
      client.DELETE("/api/v1/models/{name}/versions/{number}/directions/{direction_id}", {
        params: { path: { name, number, direction_id: id } },
      }),
    ),
  project: async (body: Partial<ProjectionBody> & Pick<ProjectionBody, "model" | "picture">) =>
    (await answer(client.POST("/api/v1/projections", { body: body as ProjectionBody }))) as Projection,
  projection: async (id: number) =>
    (await answer(
      client.GET("/api/v1/projections/{projection_id}", { params: { path: { projection_id: id } } }),
    )) as Projection,
  projections: async () =>
    (await answer(client.GET("/api/v1/projections", { params: { query: { limit: 24 } } }))).items as Projection[],
  projectionMetrics: (id: number, points: number) =>
    answer(
      client.GET("/api/v1/projections/{projection_id}/metrics", {
        params: { path: { projection_id: id }, query: { max_points: points } },
      }),
    ),
  projectionPreviews: async (id: number) =>
    (
      await answer(
        client.GET("/api/v1/projections/{projection_id}/previews", { params: { path: { projection_id: id } } }),
      )
    ).items,
  readPrompts: async (name: string, version: number, prompts: string[]) =>
    (
      await answer(
        client.POST("/api/v1/models/{name}/versions/{number}/prompts", {
          params: { path: { name, number: version } },
          body: { prompts },
        }),
      )
    ).items,
  discover: async (model: string, version: number, again: boolean) =>
    (await answer(client.POST("/api/v1/discoveries", { body: { model, version, again } }))) as Job,
  styleMethods: async () => (await answer(client.GET("/api/v1/style-methods"))).items as StyleMethod[],
  styles: async () => (await answer(client.GET("/api/v1/styles"))).items,
  transfers: async (cursor?: string) => {
    const page = await answer(client.GET("/api/v1/style-transfers", { params: { query: { limit: 24, cursor } } }));
    return { items: page.items as StyleTransfer[], next_cursor: page.next_cursor };
  },
  transfer: async (id: number) =>
    (await answer(client.GET("/api/v1/style-transfers/{transfer_id}", { params: transferPath(id) }))) as StyleTransfer,
  stylize: async (body: StyleTransferBody) =>
    (await answer(client.POST("/api/v1/style-transfers", { body }))) as StyleTransfer,
  transferMetrics: (id: number, points: number) =>
    answer(
      client.GET("/api/v1/style-transfers/{transfer_id}/metrics", {
        params: { ...transferPath(id), query: { max_points: points } },
      }),
    ),
  transferPreviews: async (id: number) =>
    (await answer(client.GET("/api/v1/style-transfers/{transfer_id}/previews", { params: transferPath(id) }))).items,
  metricKinds: async () => (await answer(client.GET("/api/v1/metrics"))).items,
  evaluations: async () =>
    (await answer(client.GET("/api/v1/evaluations", { params: { query: { limit: 20 } } }))).items as Evaluation[],
  evaluate: async (request: EvaluationRequest) =>
    (await answer(client.POST("/api/v1/evaluations", { body: request as EvaluationBody }))) as Evaluation,
  /** Newest first, and at most so many pages of them. */
  scores: async (query: ScoreQuery, pages = 10) => {
    const items: Score[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < pages; page += 1) {
      const params = { query: { limit: 200, ...query, cursor } };
      const found = await answer(client.GET("/api/v1/scores", { params }));
      items.push(...(found.items as Score[]));
      if (!found.next_cursor) break;
      cursor = found.next_cursor;
    }
    return items;
  },
  logs: async () => (await answer(client.GET("/api/v1/logs"))).items,
  log: async (name: string, offset: number) => {
    const response = await reach(new Request(`${logUrl(name)}?offset=${offset}`));
    if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => null));
    return { text: await response.text(), next: Number(response.headers.get("next-offset")) };
  },
  system: () => answer(client.GET("/api/v1/system")),
  firstSteps: async () => (await answer(client.GET("/api/v1/first-steps"))).items,
  settings: async () => (await answer(client.GET("/api/v1/settings"))).items,
  parts: async () => (await answer(client.GET("/api/v1/parts"))).items,
  storage: () => answer(client.GET("/api/v1/storage")),
  pruneImages: () => answer(client.DELETE("/api/v1/images")),
  unload: (name: string, number: number) =>
    answer(client.POST("/api/v1/models/{name}/versions/{number}/unload", { params: numbered(name, number) })),
};
