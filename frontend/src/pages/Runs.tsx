/** Every training run, newest first, or those in one state. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Status } from "../api/types";
import { PageHead, ProblemNote, useNow } from "../components/pieces";
import { RunRow } from "../components/RunRow";
import { statuses, statusWords } from "../lib/job";
import { asProblem, useResource } from "../lib/resource";
import { useQuery } from "../lib/url";
import { jobs, remember, runsOf } from "../stores/jobs";

export default function Runs() {
  const [query, change] = useQuery();
  const status = statuses.find((known) => known === query.status);
  return (
    <div class="page">
      <PageHead
        title="Runs"
        actions={
          <select
            class="filter"
            aria-label="Only runs that are"
            value={status ?? ""}
            onChange={(e) => change({ status: e.currentTarget.value || undefined })}
          >
            <option value="">All states</option>
            {statuses.map((known) => (
              <option key={known} value={known}>
                {statusWords[known]}
              </option>
            ))}
          </select>
        }
      />
      <RunList key={status} status={status} />
    </div>
  );
}

function RunList({ status }: { status: Status | undefined }) {
  useNow(30);
  const { data, problem } = useResource(`runs ${status ?? ""}`, () => api.runs(undefined, status));
  const [more, setMore] = useState<string | null>();
  const [failed, setFailed] = useState<Problem | null>(null);
  const cursor = more === undefined ? data?.next_cursor : more;
  useEffect(() => remember(data?.items ?? []), [data]);

  const readOn = async () => {
    try {
      const page = await api.runs(cursor ?? undefined, status);
      remember(page.items);
      setMore(page.next_cursor);
    } catch (reason) {
      setFailed(asProblem(reason));
    }
  };

  const shown = runsOf(jobs.value).filter((run) => status === undefined || run.status === status);
  return (
    <>
      <ProblemNote problem={problem ?? failed} />
      <div class="stack">
        {shown.map((job) => (
          <RunRow key={job.id} job={job} />
        ))}
        {data && shown.length === 0 && (
          <p class="empty">
            {status ? (
              `No run is in the state “${statusWords[status]}”.`
            ) : (
              <>
                No training run yet. <a href="/train">Start the first</a>.
              </>
            )}
          </p>
        )}
        {cursor && (
          <button class="quiet" type="button" onClick={readOn}>
            Older runs
          </button>
        )}
      </div>
    </>
  );
}
