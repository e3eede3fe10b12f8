/** Counts the changes of models and versions that this tab knows of, so that whoever shows them reads them anew. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Resource } from "../lib/resource";
import { jobs, runsOf } from "./jobs";

const changes = signal(0);

export function changed() {
  changes.value += 1;
}

/** What of models and versions has changed so far: by this tab, or by runs that have published something. */
export function useChanges(): string {
  const finished = runsOf(jobs.value).filter((job) => job.status === "succeeded").length;
  return `${changes.value} ${finished}`;
}

/** Read again what depends on models and versions when they have changed; what is there stays until then. */
export function useFresh(...resources: Resource<unknown>[]) {
  const state = useChanges();
  const known = useRef(state);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the state decides
  useEffect(() => {
    if (known.current === state) return;
    known.current = state;
    for (const { reload } of resources) reload();
  }, [state]);
}
