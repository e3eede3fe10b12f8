/** All data sets, those that are being prepared, and the way to add one. */

import { useEffect, useRef, useState } from "preact/hooks";
import { samplesUrl } from "../api/addresses";
import { api } from "../api/client";
import type { Dataset } from "../api/types";
import { DatasetTags } from "../components/DatasetTags";
import { Icon } from "../components/Icon";
import { PreparationRow } from "../components/PreparationRow";
import { Loading, PageHead, Picture, ProblemNote, useNow } from "../components/pieces";
import { type Dropped, dropped } from "../lib/adding";
import { bytes, duration, percent } from "../lib/format";
import { isLive, pending } from "../lib/job";
import { useResource } from "../lib/resource";
import { useQuery } from "../lib/url";
import { edit, refused, stop, type Upload, upload } from "../stores/adding";
import { hidden } from "../stores/hidden";
import { jobs, preparationsOf, remember } from "../stores/jobs";
import { t } from "../strings";
import { AddPictures } from "./add-pictures";

export default function Datasets() {
  useNow(30);
  const [query, change] = useQuery();
  const datasets = useResource("datasets", api.datasets);
  const preparations = useResource("preparations", api.preparations);
  const known = preparationsOf(jobs.value);
  const ready = known.filter((job) => job.status === "succeeded").length;
  const [wrong, setWrong] = useState("");
  const { reload } = datasets;

  useEffect(() => remember(preparations.data ?? []), [preparations.data]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a preparation that ended well has made a data set
  useEffect(reload, [ready]);

  const take = (what: Dropped) => {
    if ("file" in what) edit({ file: what.file });
    setWrong("error" in what ? what.error : "");
    change({ add: "upload" });
  };
  const sending = upload.value;
  const adding = query.add !== undefined && sending === null;
  const shown = pending(known, datasets.data ?? [], hidden.value);
  return (
    // A file that falls beside the form would make the browser leave the page.
    // biome-ignore lint/a11y/noStaticElementInteractions: the same can be done by the button
    <div
      class="page"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        if (event.dataTransfer) take(dropped(event.dataTransfer));
      }}
    >
      <PageHead
        title={t.datasets.title}
        actions={
          <button
            type="button"
            class={adding ? "quiet" : ""}
            aria-expanded={adding}
            disabled={sending !== null}
            onClick={() => change({ add: adding ? undefined : "upload" })}
          >
            {adding ? (
              t.common.close
            ) : (
              <>
                <Icon name="add" size={18} /> {t.adding.title}
              </>
            )}
          </button>
        }
      >
        <p class="lead">{t.datasets.lead}</p>
      </PageHead>
      <ProblemNote problem={datasets.problem ?? preparations.problem} />
      {adding && <AddPictures dropError={wrong} onTaken={take} onAdded={() => change({ add: undefined })} />}
      {!adding && !sending && <ProblemNote problem={refused.value} />}
      {(sending || shown.length > 0) && (
        <section class="stack" aria-labelledby="preparing">
          <h2 id="preparing">
            {sending || shown.some((job) => isLive(job.status)) ? t.datasets.preparing : t.datasets.notPrepared}
          </h2>
          {sending && <UploadRow upload={sending} />}
          {shown.map((job) => (
            <PreparationRow key={job.id} job={job} />
          ))}
        </section>
      )}
      {datasets.data ? (
        <section class="cards" style={{ "--card": "14rem" }} aria-label={t.datasets.all}>
          {newestFirst(datasets.data).map((dataset) => (
            <DatasetCard key={dataset.name} dataset={dataset} />
          ))}
        </section>
      ) : (
        !datasets.problem && <Loading />
      )}
      <span class="hidden-visually" aria-live="polite">
        {ready > 0 && t.datasets.prepared(ready)}
      </span>
    </div>
  );
}

/** Brought ones first, the newest before the others; then those that Atelier draws. */
function newestFirst(datasets: Dataset[]): Dataset[] {
  return [...datasets].sort((a, b) => (b.created_at ?? "").localeCompare(a.created_at ?? ""));
}

function UploadRow({ upload: { name, sent, total, since } }: { upload: Upload }) {
  const cancel = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (document.activeElement === document.body) cancel.current?.focus(); // the form it was sent by has gone
  }, []);
  const share = total > 0 ? sent / total : 0;
  const seconds = (Date.now() - since) / 1000;
  const left = seconds > 2 && share > 0.01 ? duration((seconds / share) * (1 - share)) : null;
  const done = total > 0 && sent >= total;
  return (
    <article class="preparation panel" aria-label={t.datasets.uploadOf(name)}>
      <div class="stack tight">
        <strong>{name}</strong>
        <span class="small soft">{done ? t.datasets.sent : t.datasets.sentOf(bytes(sent), bytes(total), left)}</span>
      </div>
      <div class="row">
        <span class="status running">{done ? t.datasets.checking : t.datasets.uploading(percent(share))}</span>
        <button class="quiet" type="button" ref={cancel} onClick={stop}>
          {t.datasets.cancel}
        </button>
      </div>
      <progress value={share} max={1} aria-label={t.datasets.uploadOf(name)} />
    </article>
  );
}

function DatasetCard({ dataset }: { dataset: Dataset }) {
  return (
    <a class="card dataset-card" href={`/datasets/${dataset.name}`}>
      <Picture src={samplesUrl(dataset.name, 25, 64)} alt="" />
      <h3>{dataset.title}</h3>
      {dataset.summary && <p>{dataset.summary}</p>}
      <DatasetTags dataset={dataset} />
    </a>
  );
}
