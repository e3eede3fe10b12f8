/** A data set that is being prepared, or could not be. */

import { useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import type { Job } from "../api/types";
import { ago } from "../lib/format";
import { isLive, jobName, progressWords } from "../lib/job";
import { hide } from "../stores/hidden";
import { t } from "../strings";
import { JobActions } from "./JobActions";
import { JobProgress, ProblemNote, StatusMark, Trouble } from "./pieces";

export function PreparationRow({ job }: { job: Job }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  return (
    <article class="preparation panel" aria-label={t.job.preparationOf(jobName(job))}>
      <div class="stack tight">
        <strong>{jobName(job)}</strong>
        <span class="small soft">
          {isLive(job.status) ? progressWords(job) : ago(job.finished_at ?? job.created_at)}
          {job.log && (
            <>
              {" "}
              · <a href={`/logs/${job.log}`}>{t.pieces.log}</a>
            </>
          )}
        </span>
      </div>
      <div class="row">
        <StatusMark job={job} />
        <JobActions job={job} onProblem={setProblem} />
        {job.status === "failed" && (
          <button class="quiet" type="button" onClick={() => hide(job.id)}>
            {t.pieces.hide}
          </button>
        )}
      </div>
      {isLive(job.status) && <JobProgress job={job} />}
      <Trouble job={job} />
      <ProblemNote problem={problem} />
    </article>
  );
}
