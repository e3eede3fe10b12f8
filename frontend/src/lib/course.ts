/** How a job has gone so far: what the server kept of its metrics and previews, then what it tells. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Job, Preview, TrainingRun } from "../api/types";
import { subscribe } from "../stores/events";
import { isRun, jobs, remember } from "../stores/jobs";
import { isLive } from "./job";
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
        else if (event.type === "preview")
          setPreviews((known) => ((known.at(-1)?.step ?? -1) < event.data.step ? [...known, event.data] : known));
      }),
    [id],
  );
  return { columns, previews, problem: kept.problem };
}

/** Another run, whose curves stand beside those of the one that is looked at. */
export interface Beside {
  job: TrainingRun;
  columns: Columns;
}

interface BesideCourse {
  runs: Beside[];
  columns: ReadonlyMap<number, Columns>; // changes only when there is something new to draw
  missing: number[];
  problem: Problem | null;
}

/** The runs with these numbers, in that order, as far as there are such; those that go on go on here as well. */
export function useBeside(ids: number[]): BesideCourse {
  const written = ids.join();
  const read = (id: number) =>
    Promise.all([api.run(id), api.metrics(id, mostPoints / 2)]).catch((reason: Problem) => {
      if (reason.status === 404) return null; // one that is not there must not keep the others away
      throw reason;
    });
  const kept = useResource(written ? `beside ${written}` : null, () => Promise.all(ids.map(read)));
  const [columns, setColumns] = useState<ReadonlyMap<number, Columns>>(new Map());
  const { data } = kept;

  useEffect(() => {
    const found = (data ?? []).flatMap((one): [Job, Columns][] => (one ? [one] : []));
    remember(found.map(([job]) => job));
    setColumns(new Map(found.map(([job, columns]) => [job.id, columns])));
  }, [data]);

  const live = ids.filter((id) => isLive(jobs.value.get(id)?.status ?? "succeeded")).join();
  useEffect(() => {
    const ends = live
      .split(",")
      .filter(Boolean)
      .map((id) =>
        subscribe(`job:${Number(id)}`, (event) => {
          if (event.type === "metrics")
            setColumns((all) => {
              const known = all.get(event.job);
              return known ? new Map(all).set(event.job, thin(append(known, event.data), mostPoints)) : all;
            });
        }),
      );
    return () => {
      for (const end of ends) end();
    };
  }, [live]);

  const runs = ids.flatMap((id): Beside[] => {
    const [job, mine] = [jobs.value.get(id), columns.get(id)];
    return isRun(job) && mine ? [{ job, columns: mine }] : [];
  });
  return { runs, columns, missing: ids.filter((_, index) => data?.[index] === null), problem: kept.problem };
}
