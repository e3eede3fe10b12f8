/** What this is, what runs now, the newest versions, the machine, and first steps for a newcomer. */

import { useEffect } from "preact/hooks";
import { api } from "../api/client";
import type { TrainingRun, Version } from "../api/types";
import { EvaluationRow } from "../components/EvaluationRow";
import { Meters, useSystem } from "../components/machine";
import { PreparationRow } from "../components/PreparationRow";
import { JobProgress, PageHead, Picture, ProblemNote, StatusMark, useNow } from "../components/pieces";
import { TransferRow } from "../components/TransferRow";
import { ago, number } from "../lib/format";
import { isLive, progressWords } from "../lib/job";
import { useResource } from "../lib/resource";
import { address } from "../lib/url";
import { evaluationsOf, jobs, preparationsOf, remember, runsOf, transfersOf } from "../stores/jobs";
import { t } from "../strings";
import { FirstSteps } from "./home-steps";

export function Home() {
  const models = useResource("models", api.models);
  const runs = useResource("runs", () => api.runs());
  const ended = [...jobs.value.values()].filter((job) => job.status === "succeeded").length;
  const { reload } = models;

  useEffect(() => remember(runs.data?.items ?? []), [runs.data]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a run that ended well has published a version
  useEffect(reload, [ended]);

  const preparations = preparationsOf(jobs.value).filter((job) => isLive(job.status));
  const transfers = transfersOf(jobs.value).filter((job) => isLive(job.status));
  const evaluations = evaluationsOf(jobs.value).filter((job) => isLive(job.status));
  const live = runsOf(jobs.value).filter((job) => isLive(job.status));
  const versions = (models.data ?? [])
    .flatMap((model) => model.latest ?? [])
    .sort((a, b) => b.created_at.localeCompare(a.created_at));
  return (
    <div class="page">
      <PageHead title={t.home.title} tab={t.home.tab}>
        <p class="lead">{t.home.lead}</p>
      </PageHead>
      <ProblemNote problem={models.problem ?? runs.problem} />
      <div class="home-columns">
        <div class="page">
          <FirstSteps ended={ended} versions={versions} />
          <section class="stack" aria-labelledby="now">
            <h2 id="now">{t.home.now}</h2>
            {live.map((job) => (
              <LiveRun key={job.id} job={job} />
            ))}
            {transfers.map((job) => (
              <TransferRow key={job.id} job={job} />
            ))}
            {preparations.map((job) => (
              <PreparationRow key={job.id} job={job} />
            ))}
            {evaluations.map((job) => (
              <EvaluationRow key={job.id} job={job} />
            ))}
            {live.length + transfers.length + preparations.length + evaluations.length === 0 && (
              <p class="empty">
                {t.home.nothing}
                <a href="/train">{t.home.trainOne}</a>
                {t.home.or}
                <a href="/runs">{t.home.runs}</a>.
              </p>
            )}
          </section>
          {versions.length > 0 && <NewestVersions versions={versions.slice(0, 8)} />}
        </div>
        <Machine />
      </div>
    </div>
  );
}

/** A run that waits or goes on, with what it draws by now. */
function LiveRun({ job }: { job: TrainingRun }) {
  return (
    <a class={`run-row ${job.preview ? "live" : ""}`} href={`/runs/${job.id}`}>
      {job.preview ? (
        <img class="thumb" src={job.preview} alt={t.home.preview(job.model, number(job.step))} />
      ) : (
        <span class="thumb" />
      )}
      <span class="stack tight middle">
        <strong>{job.model}</strong>
        <span class="small soft middle">
          {t.runs.on(job.architecture, job.dataset)}
          {job.preset && `, ${job.preset}`}
        </span>
        <span class="small soft middle">{progressWords(job)}</span>
      </span>
      <StatusMark job={job} />
      <JobProgress job={job} />
    </a>
  );
}

function NewestVersions({ versions }: { versions: Version[] }) {
  const now = useNow(30);
  return (
    <section class="stack" aria-labelledby="newest">
      <div class="row apart">
        <h2 id="newest">{t.home.newest}</h2>
        <a class="small" href="/metrics">
          {t.home.best}
        </a>
      </div>
      <div class="versions">
        {versions.map((version) => (
          <a
            key={version.model}
            class="version-card"
            href={address("/inference", { model: version.model, version: String(version.version) })}
          >
            <figure class="frame">
              <div class="mat">
                <Picture src={version.samples_url} alt={t.home.samples(version.model)} />
              </div>
              <figcaption>
                <span class="stack tight">
                  <strong>
                    {version.model} <span class="soft">{t.home.version(version.version)}</span>
                  </strong>
                  <span>{t.home.origin(version.architecture, version.dataset, ago(version.created_at, now))}</span>
                </span>
              </figcaption>
            </figure>
          </a>
        ))}
      </div>
    </section>
  );
}

function Machine() {
  const system = useSystem();
  return (
    <aside class="panel stack" aria-labelledby="machine">
      <h2 id="machine">{t.home.machine}</h2>
      <Meters system={system} />
      <p class="small soft">{system ? t.home.software(system.device, system.torch, system.version) : "…"}</p>
    </aside>
  );
}
