/** One data set: what is in it, how it looks, what was left out. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { pictureUrl } from "../api/addresses";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Dataset as DatasetShape, Report, Sample, Skipped } from "../api/types";
import { DatasetTags } from "../components/DatasetTags";
import { Loading, PageHead, Picture, ProblemNote } from "../components/pieces";
import { ago, bytes, number, title } from "../lib/format";
import { asProblem, useResource } from "../lib/resource";
import { address } from "../lib/url";
import { t } from "../strings";
import { Attributes, Captions, Classes, Sizes, Splits } from "./dataset-numbers";

const samplesAtOnce = 24;

export default function Dataset() {
  const name = useRoute().params.name ?? "";
  const { data, problem } = useResource(`dataset ${name}`, () => api.dataset(name));
  if (!data)
    return (
      <div class="page">
        <PageHead title={problem ? name : "…"} tab={t.dataset.tab(name)} />
        <ProblemNote problem={problem} />
        {!problem && <Loading />}
      </div>
    );
  return <DatasetView key={name} dataset={data} />;
}

function DatasetView({ dataset }: { dataset: DatasetShape }) {
  const { name, builtin } = dataset;
  const [deleting, setDeleting] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const keep = () => {
    setDeleting(false);
    opener.current?.focus();
  };
  const report = useResource(`report ${name}`, () => api.datasetReport(name));
  return (
    <div class="page">
      <PageHead
        title={dataset.title}
        actions={
          <div class="row">
            <a class="button" href={address("/train", { dataset: name })}>
              {t.dataset.train}
            </a>
            {!builtin && (
              <button
                class="quiet"
                type="button"
                ref={opener}
                aria-expanded={deleting}
                onClick={() => setDeleting(!deleting)}
              >
                {t.dataset.deleteIt}
              </button>
            )}
          </div>
        }
      >
        {dataset.summary && <p class="lead">{dataset.summary}</p>}
        <span class="soft small">
          <DatasetTags dataset={dataset} />
        </span>
      </PageHead>
      {deleting && <Deletion dataset={dataset} onKeep={keep} />}
      <Facts dataset={dataset} report={report.data} />
      <Samples dataset={dataset} />
      <div class="halves">
        <div class="page">
          <Splits splits={dataset.splits} />
          {report.data?.sizes && <Sizes sizes={report.data.sizes} modes={report.data.modes} />}
          {report.data && report.data.captions.images > 0 && <Captions {...report.data.captions} />}
        </div>
        {(dataset.class_names.length > 0 || dataset.attribute_names.length > 0) && (
          <div class="page">
            {dataset.class_names.length > 0 && <Classes name={name} />}
            {report.data && report.data.attributes.length > 0 && <Attributes attributes={report.data.attributes} />}
          </div>
        )}
      </div>
      <ProblemNote problem={report.problem} />
      {dataset.num_skipped > 0 && <SkippedFiles name={name} count={dataset.num_skipped} />}
      {report.data && report.data.duplicates.groups > 0 && <Duplicates {...report.data.duplicates} />}
    </div>
  );
}

function Facts({ dataset, report }: { dataset: DatasetShape; report: Report | undefined }) {
  const facts: [string, string][] = [
    [t.dataset.facts.pictures, number(dataset.num_images)],
    [t.dataset.facts.classes, number(dataset.class_names.length)],
    [t.dataset.facts.attributes, number(dataset.attribute_names.length)],
    [
      t.dataset.facts.captions,
      report ? number(report.captions.images) : dataset.has_captions ? t.dataset.yes : t.dataset.none,
    ],
    [t.dataset.facts.skipped, number(dataset.num_skipped)],
    [t.dataset.facts.duplicates, number(dataset.num_duplicates)],
    [t.dataset.facts.colour, dataset.channels === 1 ? t.dataset.grey : t.dataset.rgb],
    [t.dataset.facts.mirroring, dataset.mirrorable ? t.dataset.allowed : t.dataset.never],
    ...(dataset.bytes === null ? [] : [[t.dataset.facts.onDisk, bytes(dataset.bytes)] satisfies [string, string]]),
    ...(dataset.created_at === null
      ? []
      : [[t.dataset.facts.added, ago(dataset.created_at)] satisfies [string, string]]),
  ];
  return (
    <dl class="facts panel">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Pictures chosen at random, some more with every click; a picture said what it is when it is pointed at or reached by the keyboard. */
function Samples({ dataset }: { dataset: DatasetShape }) {
  const [shown, setShown] = useState<Sample[]>([]);
  const [round, setRound] = useState(0);
  const { data, problem } = useResource(`samples ${dataset.name} ${round}`, () =>
    api.datasetSamples(dataset.name, samplesAtOnce, round),
  );
  useEffect(() => {
    if (data) setShown((known) => [...known, ...data.filter((s) => !known.some((k) => k.index === s.index))]);
  }, [data]);
  const places: (Sample | undefined)[] =
    shown.length > 0 ? shown : new Array(Math.min(samplesAtOnce, dataset.num_images)).fill(undefined);
  return (
    <section class="stack" aria-labelledby="samples">
      <h2 id="samples">{t.dataset.samples}</h2>
      <ProblemNote problem={problem} />
      <div class="samples">
        {places.map((sample, place) =>
          sample ? (
            <SamplePicture key={sample.index} name={dataset.name} sample={sample} />
          ) : (
            <div key={`place ${place}`} class="picture" />
          ),
        )}
      </div>
      {shown.length < dataset.num_images && (
        <button class="quiet fit" type="button" disabled={!data} onClick={() => setRound(round + 1)}>
          {t.dataset.moreSamples}
        </button>
      )}
    </section>
  );
}

function SamplePicture({ name, sample }: { name: string; sample: Sample }) {
  const words = [sample.class_name && title(sample.class_name), sample.caption].filter(Boolean);
  return (
    <a
      class="sample"
      href={pictureUrl(name, sample.index, 512)}
      target="_blank"
      rel="noreferrer"
      aria-label={[t.dataset.picture(sample.index), ...words].join(", ")}
    >
      <Picture src={sample.url} alt="" />
      {words.length > 0 && (
        <span class="told">
          {sample.class_name && <strong>{title(sample.class_name)}</strong>}
          {sample.caption}
        </span>
      )}
    </a>
  );
}

function SkippedFiles({ name, count }: { name: string; count: number }) {
  const first = useResource(`skipped ${name}`, () => api.datasetSkipped(name));
  const [further, setFurther] = useState<{ items: Skipped[]; cursor: string | null }>();
  const [problem, setProblem] = useState<Problem | null>(null);
  const cursor = further ? further.cursor : first.data?.next_cursor;
  const readOn = async () => {
    try {
      const page = await api.datasetSkipped(name, cursor ?? undefined);
      setFurther({ items: [...(further?.items ?? []), ...page.items], cursor: page.next_cursor });
    } catch (reason) {
      setProblem(asProblem(reason));
    }
  };
  return (
    <section class="stack" aria-labelledby="skipped">
      <h2 id="skipped">{t.dataset.skippedFiles(count)}</h2>
      <ProblemNote problem={first.problem ?? problem} />
      <table class="files">
        <thead>
          <tr>
            <th scope="col">{t.dataset.file}</th>
            <th scope="col">{t.dataset.why}</th>
          </tr>
        </thead>
        <tbody>
          {[...(first.data?.items ?? []), ...(further?.items ?? [])].map(({ path, reason }) => (
            <tr key={`${path} ${reason}`}>
              <td class="mono">{path}</td>
              <td>{reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {cursor && (
        <button class="quiet fit" type="button" onClick={readOn}>
          {t.dataset.more}
        </button>
      )}
    </section>
  );
}

function Duplicates({ groups, images, examples }: Report["duplicates"]) {
  return (
    <section class="stack" aria-labelledby="duplicates">
      <h2 id="duplicates">{t.dataset.duplicates}</h2>
      <p class="soft">{t.dataset.duplicatesText(images, groups)}</p>
      <ul class="duplicates">
        {examples.map((paths) => (
          <li key={paths.join()} class="mono">
            {paths.join(" = ")}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Deletion({ dataset, onKeep }: { dataset: DatasetShape; onKeep: () => void }) {
  const { route } = useLocation();
  const harmless = useRef<HTMLButtonElement>(null);
  useEffect(() => harmless.current?.focus(), []);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    try {
      await api.deleteDataset(dataset.name);
      route("/datasets");
    } catch (reason) {
      setProblem(asProblem(reason));
      setBusy(false);
    }
  };
  return (
    <section
      class="note"
      role="alertdialog"
      aria-labelledby="deletion"
      aria-describedby="deletion-words"
      onKeyDown={(event) => event.key === "Escape" && onKeep()}
    >
      <strong id="deletion">{t.dataset.reallyDelete(dataset.title)}</strong>
      <span id="deletion-words">{t.dataset.deletion(dataset.num_images)}</span>
      <div class="row">
        <button class="danger" type="button" disabled={busy} onClick={remove}>
          {busy ? t.dataset.deleting : t.dataset.delete}
        </button>
        <button class="quiet" type="button" ref={harmless} onClick={onKeep}>
          {t.dataset.keep}
        </button>
      </div>
      <ProblemNote problem={problem} />
    </section>
  );
}
