/** The style transfers so far, newest first. */

import { useEffect, useState } from "preact/hooks";
import { referredUrl } from "../api/addresses";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Style, StyleTransfer } from "../api/types";
import { Picture, ProblemNote, StatusMark, useNow } from "../components/pieces";
import { ago, capital } from "../lib/format";
import { isLive, progressWords } from "../lib/job";
import { asProblem, useResource } from "../lib/resource";
import { stylesTitle } from "../lib/style";
import { jobs, remember, transfersOf } from "../stores/jobs";
import { t } from "../strings";

export function StyleHistory({ gallery }: { gallery: Style[] | undefined }) {
  const { data, problem } = useResource("style transfers", () => api.transfers());
  const [more, setMore] = useState<string | null>();
  const [failed, setFailed] = useState<Problem | null>(null);
  const cursor = more === undefined ? data?.next_cursor : more;
  const now = useNow(30);
  useEffect(() => remember(data?.items ?? []), [data]);

  const readOn = async () => {
    try {
      const page = await api.transfers(cursor ?? undefined);
      remember(page.items);
      setMore(page.next_cursor);
    } catch (reason) {
      setFailed(asProblem(reason));
    }
  };

  const shown = transfersOf(jobs.value);
  return (
    <section class="stack" aria-labelledby="history">
      <h2 id="history">{t.style.drawn}</h2>
      <ProblemNote problem={problem ?? failed} />
      {shown.length > 0 && (
        <div class="versions">
          {shown.map((job) => (
            <Card key={job.id} job={job} gallery={gallery} now={now} />
          ))}
        </div>
      )}
      {data && shown.length === 0 && <p class="empty">{t.style.nothing}</p>}
      {cursor && (
        <button class="quiet" type="button" onClick={readOn}>
          {t.style.older}
        </button>
      )}
    </section>
  );
}

function Card({ job, gallery, now }: { job: StyleTransfer; gallery: Style[] | undefined; now: number }) {
  const { content, styles } = job.style_transfer;
  return (
    <a class="version-card" href={`/style/${job.id}`}>
      <figure class="frame">
        <div class="mat">
          <Picture
            class={job.preview ? "" : "pale"}
            src={job.preview ? `${job.preview}?size=384` : referredUrl(content, 384)}
            alt={job.preview ? t.style.titleOf(job.id) : t.style.contentOf(job.id)}
          />
        </div>
        <figcaption>
          <span class="stack tight">
            <strong>{capital(stylesTitle(styles, gallery))}</strong>
            {job.status !== "succeeded" && <StatusMark job={job} />}
            <span>{isLive(job.status) ? progressWords(job) : ago(job.finished_at ?? job.created_at, now)}</span>
          </span>
        </figcaption>
      </figure>
    </a>
  );
}
