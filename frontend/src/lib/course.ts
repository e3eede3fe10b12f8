/** How a job has gone so far: what the server kept of its metrics and previews, then what it tells. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { ServerEvent } from "../api/events";
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
  const { data, problem, hear } = useKept(`course ${id}`, () => read(mostPoints / 2));
  const [columns, setColumns] = useState(data?.answer[0] ?? noColumns);
  const [previews, setPreviews] = useState(data?.answer[1] ?? []);

  useEffect(() => {
    if (!data) return;
    setColumns(data.told.reduce(withPoint, data.answer[0]));
    setPreviews(data.told.reduce(withPreview, data.answer[1]));
  }, [data]);

  useEffect(
    () =>
      subscribe(`job:${id}`, (event) => {
        if (event.type === "job") remember([event.data]);
        hear(event);
        setColumns((columns) => withPoint(columns, event));
        setPreviews((known) => withPreview(known, event));
      }),
    [id, hear],
  );
  return { columns, previews, problem };
}

interface Kept<T> {
  data: { answer: T; told: ServerEvent[] } | undefined;
  problem: Problem | null;
  hear: (event: ServerEvent) => void;
}

/** What the server kept, and what was heard while that was on its way: it may have come about later, and goes on top. */
function useKept<T>(key: string | null, read: () => Promise<T>): Kept<T> {
  const meanwhile = useRef<ServerEvent[] | null>(null); // null where no answer is awaited
  const { data, problem } = useResource(key, async () => {
    const told: ServerEvent[] = [];
    meanwhile.current = told;
    return { answer: await read(), told };
  });
  useEffect(() => {
    if (problem || data?.told === meanwhile.current) meanwhile.current = null;
  }, [data, problem]);
  const hear = useCallback((event: ServerEvent) => meanwhile.current?.push(event), []);
  return { data, problem, hear };
}

function withPoint(columns: Columns, event: ServerEvent): Columns {
  return event.type === "metrics" ? thin(append(columns, event.data), mostPoints) : columns;
}

function withPreview(known: Preview[], event: ServerEvent): Preview[] {
  const newer = event.type === "preview" && (known.at(-1)?.step ?? -1) < event.data.step;
  return newer ? [...known, event.data] : known;
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
  const { data, problem, hear } = useKept(written ? `beside ${written}` : null, () => Promise.all(ids.map(read)));
  const [columns, setColumns] = useState<ReadonlyMap<number, Columns>>(new Map());

  useEffect(() => {
    const found = (data?.answer ?? []).flatMap((one): [Job, Columns][] => (one ? [one] : []));
    remember(found.map(([job]) => job));
    const kept = new Map(found.map(([job, columns]) => [job.id, columns]));
    setColumns(data?.told.reduce(withPointOf, kept) ?? kept);
  }, [data]);

  const live = ids.filter((id) => isLive(jobs.value.get(id)?.status ?? "succeeded")).join();
  useEffect(() => {
    const ends = live
      .split(",")
      .filter(Boolean)
      .map((id) =>
        subscribe(`job:${Number(id)}`, (event) => {
          hear(event);
          setColumns((all) => withPointOf(all, event));
        }),
      );
    return () => {
      for (const end of ends) end();
    };
  }, [live, hear]);

  const runs = ids.flatMap((id): Beside[] => {
    const [job, mine] = [jobs.value.get(id), columns.get(id)];
    return isRun(job) && mine ? [{ job, columns: mine }] : [];
  });
  return { runs, columns, missing: ids.filter((_, index) => data?.answer[index] === null), problem };
}

function withPointOf(all: ReadonlyMap<number, Columns>, event: ServerEvent): ReadonlyMap<number, Columns> {
  const known = event.type === "metrics" && all.get(event.job);
  return known ? new Map(all).set(event.job, withPoint(known, event)) : all;
}
