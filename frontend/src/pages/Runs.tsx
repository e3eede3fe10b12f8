/** Every training run, newest first. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import { PageHead, ProblemNote, useNow } from "../components/pieces";
import { RunRow } from "../components/RunRow";
import { asProblem, useResource } from "../lib/resource";
import { jobs, newestFirst, remember } from "../stores/jobs";

export function Runs() {
  useNow(30);
  const { data, problem } = useResource("runs", () => api.runs());
  const [more, setMore] = useState<string | null>();
  const [failed, setFailed] = useState<Problem | null>(null);
  const cursor = more === undefined ? data?.next_cursor : more;
  useEffect(() => remember(data?.items ?? []), [data]);

  const readOn = async () => {
    try {
      const page = await api.runs(cursor ?? undefined);
      remember(page.items);
      setMore(page.next_cursor);
    } catch (reason) {
      setFailed(asProblem(reason));
    }
  };

  return (
    <div class="page">
      <PageHead title="Runs" />
      <ProblemNote problem={problem ?? failed} />
      <div class="stack">
        {newestFirst(jobs.value).map((job) => (
          <RunRow key={job.id} job={job} />
        ))}
        {data?.items.length === 0 && jobs.value.size === 0 && (
          <p class="empty">
            No training run yet. <a href="/train">Start the first</a>.
          </p>
        )}
        {cursor && (
          <button class="quiet" type="button" onClick={readOn}>
            Older runs
          </button>
        )}
      </div>
    </div>
  );
}
