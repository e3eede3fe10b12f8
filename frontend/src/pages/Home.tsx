/** What this is, what runs now, the newest versions, the machine, and the first step for a newcomer. */

import { useEffect } from "preact/hooks";
import { api, samplesUrl } from "../api/client";
import type { Dataset, System, Version } from "../api/types";
import { EvaluationRow } from "../components/EvaluationRow";
import { PreparationRow } from "../components/PreparationRow";
import { PageHead, Picture, ProblemNote, useNow } from "../components/pieces";
import { RunRow } from "../components/RunRow";
import { TransferRow } from "../components/TransferRow";
import { ago, bytes, percent } from "../lib/format";
import { isLive } from "../lib/job";
import { useResource } from "../lib/resource";
import { address } from "../lib/url";
import { evaluationsOf, jobs, preparationsOf, remember, runsOf, transfersOf } from "../stores/jobs";

export function Home() {
  const models = useResource("models", api.models);
  const runs = useResource("runs", () => api.runs());
  const finished = runsOf(jobs.value).filter((job) => job.status === "succeeded").length;
  const { reload } = models;

  useEffect(() => remember(runs.data?.items ?? []), [runs.data]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a run that ended well has published a version
  useEffect(reload, [finished]);

  const known = runsOf(jobs.value);
  const preparations = preparationsOf(jobs.value).filter((job) => isLive(job.status));
  const transfers = transfersOf(jobs.value).filter((job) => isLive(job.status));
  const evaluations = evaluationsOf(jobs.value).filter((job) => isLive(job.status));
  const live = known.filter((job) => isLive(job.status));
  const versions = (models.data ?? [])
    .flatMap((model) => model.latest ?? [])
    .sort((a, b) => b.created_at.localeCompare(a.created_at))
    .slice(0, 8);
  const empty =
    models.data !== undefined && runs.data !== undefined && versions.length + known.length + transfers.length === 0;

  return (
    <div class="page">
      <PageHead title="A studio for generative image models" tab="Atelier">
        <p class="lead">Train one on pictures, watch it learn, and draw from it, all on your own machine.</p>
      </PageHead>
      <ProblemNote problem={models.problem ?? runs.problem} />
      <div class="home-columns">
        <div class="page">
          {empty ? (
            <Newcomer />
          ) : (
            <section class="stack" aria-labelledby="now">
              <h2 id="now">Running now</h2>
              {live.map((job) => (
                <RunRow key={job.id} job={job} />
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
                  Nothing runs. <a href="/train">Train a model</a> or look at the <a href="/runs">runs so far</a>.
                </p>
              )}
            </section>
          )}
          {versions.length > 0 && <NewestVersions versions={versions} />}
        </div>
        <Machine />
      </div>
    </div>
  );
}

function Newcomer() {
  const datasets = useResource("datasets", api.datasets);
  const pictured: (Dataset | undefined)[] = datasets.data?.slice(0, 3) ?? [undefined, undefined, undefined];
  const first = { architecture: "dcgan", dataset: "shapes", preset: "debug", model: "first" };
  return (
    <section class="panel stack newcomer" aria-labelledby="first-step">
      <div class="stack">
        <h2 id="first-step">Your first generator is a minute away</h2>
        <p>
          A small DCGAN on drawn shapes: it takes seconds, and shows you every step of the way. Nothing has to be
          downloaded, and nothing leaves this machine.
        </p>
        <div class="row">
          <a class="button" href={address("/train", first)}>
            Train your first model
          </a>
          <a class="button quiet" href="/train">
            Choose for yourself
          </a>
        </div>
      </div>
      <div class="pictures" aria-hidden="true">
        {pictured.map((dataset, index) =>
          dataset ? (
            <Picture key={dataset.name} src={samplesUrl(dataset.name, 16, 64)} alt="" />
          ) : (
            <div key={index} class="picture" />
          ),
        )}
      </div>
    </section>
  );
}

function NewestVersions({ versions }: { versions: Version[] }) {
  const now = useNow(30);
  return (
    <section class="stack" aria-labelledby="newest">
      <div class="row apart">
        <h2 id="newest">Newest versions</h2>
        <a class="small" href="/metrics">
          Which is the best?
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
                <Picture src={version.samples_url} alt={`Samples of ${version.model}`} />
              </div>
              <figcaption>
                <span class="stack tight">
                  <strong>
                    {version.model} <span class="soft">v{version.version}</span>
                  </strong>
                  <span>
                    {version.architecture} on {version.dataset}, {ago(version.created_at, now)}
                  </span>
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
  const system = useResource("system", api.system);
  const now = useNow(5);
  const { reload } = system;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the clock decides
  useEffect(() => {
    if (!document.hidden) reload();
  }, [now]);
  return (
    <aside class="panel stack" aria-labelledby="machine">
      <h2 id="machine">This machine</h2>
      <Meters system={system.data} />
    </aside>
  );
}

function Meters({ system }: { system: System | undefined }) {
  const used = system && system.disk.total - system.disk.free;
  return (
    <>
      <Meter
        label="Processor"
        share={system && system.cpu_percent / 100}
        text={system && `${percent(system.cpu_percent / 100)} of ${system.cpu_count} cores`}
      />
      <Meter
        label="Memory"
        share={system && system.memory.used / system.memory.total}
        text={system && `${bytes(system.memory.used)} of ${bytes(system.memory.total)}`}
      />
      <Meter
        label="Disk"
        share={system && (used ?? 0) / system.disk.total}
        text={system && `${bytes(system.disk.free)} free`}
      />
      <p class="small soft">
        {system ? `Device ${system.device}, PyTorch ${system.torch}, Atelier ${system.version}` : "…"}
      </p>
    </>
  );
}

function Meter({ label, share, text }: { label: string; share: number | undefined; text: string | undefined }) {
  return (
    <div class="meter">
      <span>{label}</span>
      <span class="soft">{text ?? "…"}</span>
      <progress value={share ?? 0} max={1} aria-label={label} />
    </div>
  );
}
