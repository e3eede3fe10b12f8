/** The logs, and one of them to be read. */

import { useRoute } from "preact-iso";
import { api } from "../api/client";
import type { LogFile } from "../api/types";
import { PageHead, ProblemNote, useNow } from "../components/pieces";
import { ago, bytes } from "../lib/format";
import { isLive, statusWords } from "../lib/job";
import { useResource } from "../lib/resource";
import { address, useQuery } from "../lib/url";
import { jobs } from "../stores/jobs";
import { t } from "../strings";
import { LogReader } from "./log-reader";

export default function Logs() {
  const [query, change] = useQuery();
  const live = [...jobs.value.values()].filter((job) => job.log && isLive(job.status)).map((job) => job.log);
  const { data, problem } = useResource(`logs ${live.join()}`, api.logs); // a job that starts or ends changes the list
  const kinds = [...new Set(data?.map(({ kind }) => kind ?? "gone"))].sort();
  const kind = kinds.find((known) => known === query.kind);
  const shown = data?.filter((log) => !kind || (log.kind ?? "gone") === kind);
  const named = useRoute().params.name;
  const name = named ?? shown?.[0]?.name;
  const writing = (log: string) => {
    if (live.includes(log)) return true;
    const known = data?.find((other) => other.name === log);
    const told = known && known.job !== null ? jobs.value.get(known.job) : undefined;
    return told === undefined && (known?.active ?? false); // of a job that was told of since, the list may be old
  };

  return (
    <div class="page">
      <PageHead
        title={t.logs.title}
        actions={
          kinds.length > 1 && (
            <select
              class="filter"
              aria-label={t.logs.filter}
              value={kind ?? ""}
              onChange={(e) => change({ kind: e.currentTarget.value || undefined })}
            >
              <option value="">{t.logs.allKinds}</option>
              {kinds.map((known) => (
                <option key={known} value={known}>
                  {t.logs.kinds[known]}
                </option>
              ))}
            </select>
          )
        }
      />
      <ProblemNote problem={problem} />
      {data?.length === 0 && <p class="empty">{t.logs.none}</p>}
      <div class="log-columns">
        <nav class="log-list" aria-label={t.logs.title}>
          {shown?.map((log) => (
            <LogLink key={log.name} log={log} here={log.name === name} writing={writing(log.name)} kind={kind} />
          ))}
        </nav>
        {name && <LogReader key={name} name={name} follow={writing(name)} />}
      </div>
    </div>
  );
}

interface LogLinkProps {
  log: LogFile;
  here: boolean;
  writing: boolean;
  kind: string | undefined;
}

function LogLink({ log, here, writing, kind }: LogLinkProps) {
  const now = useNow(30);
  const status = (log.job !== null && jobs.value.get(log.job)?.status) || log.status;
  return (
    <a
      href={address(`/logs/${log.name}`, kind ? { kind } : {})}
      aria-current={here ? "page" : undefined}
      title={log.name}
    >
      <strong>{whatOf(log)}</strong>
      <span class="row apart">
        {status ? <span class={`status ${status}`}>{statusWords[status]}</span> : <span />}
        <span class="soft">{writing ? t.logs.writing : `${ago(log.modified_at, now)}, ${bytes(log.size)}`}</span>
      </span>
    </a>
  );
}

/** What a log is about, in a few words; its file's name where nobody knows any more. */
function whatOf({ name, kind, job, architecture, dataset, model }: LogFile): string {
  if (kind === null || job === null) return name;
  if (kind === "train") return t.logs.training(model ?? "", architecture ?? "");
  return t.logs.job(t.logs.kinds[kind], model ?? (kind === "prepare" ? dataset : null), job);
}
