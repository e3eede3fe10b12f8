/** Looks for what can be moved in a version's images: a job whose end brings sliders. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Version } from "../api/types";
import { JobActions } from "../components/JobActions";
import { JobProgress, ProblemNote, Trouble } from "../components/pieces";
import type { Can } from "../lib/abilities";
import { isLive, progressWords } from "../lib/job";
import { asProblem } from "../lib/resource";
import { discoveriesOf, jobs, remember } from "../stores/jobs";
import { t } from "../strings";

interface DiscoveryProps {
  version: Version;
  can: Can;
  onFound: () => void; // the version can do more by now
}

export function Discovery({ version, can, onFound }: DiscoveryProps) {
  const words = t.inference.discovery;
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asking, setAsking] = useState(false);
  const found = can.directions.length + can.dials.length > 0;
  const job = discoveriesOf(jobs.value).find(
    ({ model, version: number }) => model === version.model && (number === null || number === version.version),
  );
  const status = job?.status;
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once
  useEffect(() => {
    if (status === "succeeded") onFound();
  }, [status]);

  const start = async () => {
    setAsking(true);
    setProblem(null);
    try {
      const told = await api.discover(version.model, version.version, found);
      remember([told]);
      if (told.status === "succeeded") onFound();
    } catch (reason) {
      setProblem(asProblem(reason));
    }
    setAsking(false);
  };

  return (
    <section class="stack close" aria-label={words.title}>
      {!found && <p class="small soft">{words.help}</p>}
      {job && isLive(job.status) ? (
        <>
          <div class="row apart">
            <span class="small">{progressWords(job)}</span>
            <JobActions job={job} onProblem={setProblem} />
          </div>
          <JobProgress job={job} />
        </>
      ) : (
        <button class={found ? "plain fit" : "quiet"} type="button" disabled={asking} onClick={start}>
          {asking ? t.common.starting : found ? words.again : words.find}
        </button>
      )}
      {job && !isLive(job.status) && <Trouble job={job} />}
      <ProblemNote problem={problem} />
    </section>
  );
}
