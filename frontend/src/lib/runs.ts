/** Which runs a list shows: the same choice as the server's, for those that are told of live. */

import type { RunFilters } from "../api/client";
import type { TrainingRun } from "../api/types";

export function isLike({ status, architecture, dataset, model, q }: RunFilters, run: TrainingRun): boolean {
  const told = [run.model, run.architecture, run.dataset, run.preset ?? ""].map((text) => text.toLowerCase());
  const words = (q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return (
    (status === undefined || run.status === status) &&
    (architecture === undefined || run.architecture === architecture) &&
    (dataset === undefined || run.dataset === dataset) &&
    (model === undefined || run.model === model) &&
    words.every((word) => told.some((text) => text.includes(word)))
  );
}

/** "5,7": the runs that are chosen, without one or with it. */
export function toggled(chosen: number[], id: number): string | undefined {
  const next = chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id];
  return next.length > 0 ? next.join(",") : undefined;
}
