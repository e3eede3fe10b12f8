/** One training run in a list. */

import type { TrainingRun } from "../api/types";
import { ago } from "../lib/format";
import { isLive, progressWords } from "../lib/job";
import { JobProgress, StatusMark } from "./pieces";

export function RunRow({ job }: { job: TrainingRun }) {
  return (
    <a class="run-row" href={`/runs/${job.id}`}>
      {job.preview ? <img class="thumb" src={job.preview} alt="" /> : <span class="thumb" />}
      <span class="stack tight middle">
        <strong>{job.model}</strong>
        <span class="small soft middle">
          {job.architecture} on {job.dataset}
          {job.preset && `, ${job.preset}`} ·{" "}
          {goesOn(job) ? progressWords(job) : ago(job.finished_at ?? job.created_at)}
        </span>
      </span>
      <StatusMark job={job} />
      {goesOn(job) && <JobProgress job={job} />}
    </a>
  );
}

/** It runs, or may run again: how far it is matters more than when it ended. */
function goesOn({ status }: TrainingRun): boolean {
  return isLive(status) || status === "paused" || status === "interrupted";
}
