/** An evaluation that goes on, or could not: what it has found so far stands in it as soon as it is there. */

import { useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import type { Evaluation } from "../api/types";
import { ago } from "../lib/format";
import { isLive, jobName, progressWords } from "../lib/job";
import { withError } from "../lib/scores";
import { hide } from "../stores/hidden";
import { t } from "../strings";
import { JobActions } from "./JobActions";
import { JobProgress, ProblemNote, StatusMark, Trouble } from "./pieces";

export function EvaluationRow({ job }: { job: Evaluation }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const { subject, scores, metrics } = job.evaluation;
  const live = isLive(job.status);
  return (
    <article class="preparation panel" aria-label={t.job.evaluationOf(subject)}>
      <div class="stack tight">
        <strong>{subject}</strong>
        <span class="small soft">
          {live ? progressWords(job) : ago(job.finished_at ?? job.created_at)}
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
        {!live && (
          <button class="quiet" type="button" onClick={() => hide(job.id)}>
            {t.pieces.hide}
          </button>
        )}
      </div>
      {live && <JobProgress job={job} />}
      {live && (
        <ul class="found row small" aria-label={t.job.foundOf(jobName(job))} aria-live="polite">
          {scores.map((score) => (
            <li key={score.score}>
              {score.title} <strong>{withError(score)}</strong>
            </li>
          ))}
          {metrics.length > scores.length && (
            <li class="soft">
              {scores.length === 0 ? t.job.toCome(metrics.length) : t.job.more(metrics.length - scores.length)}
            </li>
          )}
        </ul>
      )}
      <Trouble job={job} />
      <ProblemNote problem={problem} />
    </article>
  );
}
