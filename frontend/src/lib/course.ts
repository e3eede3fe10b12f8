/** How a job has gone so far: what the server kept of its metrics and previews, then what it tells. */

import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import type { Preview } from "../api/types";
import { subscribe } from "../stores/events";
import { remember } from "../stores/jobs";
import { useResource } from "./resource";
import { append, type Columns, noColumns, thin } from "./series";

const mostPoints = 1000;

export interface Course {
  columns: Columns;
  previews: Preview[];
  problem: Problem | null;
}

/** Of the job with this number; `read` asks for at most so many points of its metrics, and for its previews. */
export function useCourse(id: number, read: (points: number) => Promise<[Columns, Preview[]]>): Course {
  const kept = useResource(`course ${id}`, () => read(mostPoints / 2));
  const [columns, setColumns] = useState(kept.data?.[0] ?? noColumns);
  const [previews, setPreviews] = useState(kept.data?.[1] ?? []);
  const { data } = kept;

  useEffect(() => {
    if (!data) return;
    setColumns(data[0]);
    setPreviews(data[1]);
  }, [data]);

  useEffect(
    () =>
      subscribe(`job:${id}`, (event) => {
        if (event.type === "job") remember([event.data]);
        else if (event.type === "metrics") setColumns((columns) => thin(append(columns, event.data), mostPoints));
        else setPreviews((known) => ((known.at(-1)?.step ?? -1) < event.data.step ? [...known, event.data] : known));
      }),
    [id],
  );
  return { columns, previews, problem: kept.problem };
}
