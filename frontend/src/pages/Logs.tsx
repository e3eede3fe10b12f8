/** The logs, and one of them as it grows. */

import { useRoute } from "preact-iso";
import { api, logUrl } from "../api/client";
import { Icon } from "../components/Icon";
import { LogView } from "../components/LogView";
import { PageHead, ProblemNote, useNow } from "../components/pieces";
import { ago, bytes } from "../lib/format";
import { isLive } from "../lib/job";
import { useResource } from "../lib/resource";
import { jobs } from "../stores/jobs";

export default function Logs() {
  const now = useNow(30);
  const live = [...jobs.value.values()].filter((job) => isLive(job.status)).map((job) => job.log);
  const { data, problem } = useResource(`logs ${live.join()}`, api.logs); // a run that starts or ends changes the list
  const name = useRoute().params.name ?? data?.[0]?.name;
  const active = (log: string) => live.includes(log) || (data?.find((other) => other.name === log)?.active ?? false);

  return (
    <div class="page">
      <PageHead title="Logs" />
      <ProblemNote problem={problem} />
      {data?.length === 0 && (
        <p class="empty">No log yet. Each training run writes one, and each data set that is prepared.</p>
      )}
      <div class="log-columns">
        <nav class="log-list" aria-label="Logs">
          {data?.map((log) => (
            <a key={log.name} href={`/logs/${log.name}`} aria-current={log.name === name ? "page" : undefined}>
              <span>{log.name}</span>
              <span class="soft">
                {active(log.name) ? "is being written" : `${ago(log.modified_at, now)}, ${bytes(log.size)}`}
              </span>
            </a>
          ))}
        </nav>
        {name && (
          <section class="stack" aria-labelledby="log-name">
            <div class="row apart">
              <h2 id="log-name" class="mono">
                {name}
              </h2>
              <a class="button quiet" href={logUrl(name)} download={name}>
                <Icon name="save" size={18} /> Download
              </a>
            </div>
            <LogView key={name} name={name} follow={active(name)} height="calc(100dvh - 17rem)" />
          </section>
        )}
      </div>
    </div>
  );
}
