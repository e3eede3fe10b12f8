/** One training run in a list. */

import type { Job } from "../api/types";
import { ago } from "../lib/format";
import { isLive } from "../stores/jobs";
import { JobProgress, progressWords, StatusMark } from "./pieces";

export function RunRow({ job }: { job: Job }) {
  return (
    <a class="run-row" href={`/runs/${job.id}`}>
      {job.preview ? <img class="thumb" src={job.preview} alt="" /> : <span class="thumb" />}
      <span class="stack tight middle">
        <strong>{job.model}</strong>
        <span class="small soft middle">
          {job.architecture} on {job.dataset}
          {job.preset && `, ${job.preset}`} ·{" "}
          {isLive(job.status) ? progressWords(job) : ago(job.finished_at ?? job.created_at)}
        </span>
      </span>
      <StatusMark job={job} />
      {isLive(job.status) && <JobProgress job={job} />}
    </a>
  );
}
