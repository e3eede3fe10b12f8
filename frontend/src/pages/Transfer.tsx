/** One style transfer: its picture as it gets better, what it is made of, its log. */

import { useEffect, useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { referredUrl } from "../api/addresses";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Style, StyleMethod, StyleTransfer } from "../api/types";
import { BeforeAfter } from "../components/BeforeAfter";
import { Chart } from "../components/Chart";
import { Icon } from "../components/Icon";
import { JobActions } from "../components/JobActions";
import { LogView } from "../components/LogView";
import { FactList, JobProgress, PageHead, Picture, ProblemNote, StatusMark, Trouble } from "../components/pieces";
import { Scrubber } from "../components/Scrubber";
import { useCourse } from "../lib/course";
import { capital, number, title } from "../lib/format";
import { isLive, progressWords, timeFact } from "../lib/job";
import { useResource } from "../lib/resource";
import type { Columns, Quantity } from "../lib/series";
import { againPath, changedIn, styleNames, stylesTitle } from "../lib/style";
import { isTransfer, jobs, remember } from "../stores/jobs";
import { t } from "../strings";
import { NotFound } from "./NotFound";

export default function Transfer() {
  const id = Number(useRoute().params.id);
  return Number.isInteger(id) ? <Numbered id={id} /> : <NotFound />;
}

function Numbered({ id }: { id: number }) {
  const { data, problem } = useResource(`transfer ${id}`, () => api.transfer(id));
  useEffect(() => {
    if (data) remember([data]);
  }, [data]);
  const job = jobs.value.get(id);
  if (!isTransfer(job))
    return (
      <div class="page">
        <PageHead title={problem ? t.style.titleOf(id) : "…"} />
        <ProblemNote problem={problem} />
      </div>
    );
  return <TransferView key={id} job={job} />;
}

function TransferView({ job }: { job: StyleTransfer }) {
  const { columns, previews, problem } = useCourse(job.id, (points) =>
    Promise.all([api.transferMetrics(job.id, points), api.transferPreviews(job.id)]),
  );
  const { route } = useLocation();
  const [refused, setRefused] = useState<Problem | null>(null);
  const gallery = useResource("styles", api.styles).data;
  const methods = useResource("style methods", api.styleMethods).data;
  const { content, styles, method: name, network, picture } = job.style_transfer;
  const method = methods?.find((known) => known.name === name);
  const loss = lossesIn(columns);
  const ended = job.status === "succeeded" || job.status === "failed" || job.status === "cancelled";
  return (
    <div class="page">
      <PageHead
        title={t.style.titleOf(job.id)}
        actions={
          <JobActions job={job} onProblem={setRefused} onNew={(next) => route(`/style/${next.id}`)}>
            {picture && (
              <a class={`button ${ended ? "" : "quiet"}`} href={picture} download={`style-transfer-${job.id}.png`}>
                <Icon name="save" size={18} /> {t.transfer.download}
              </a>
            )}
            <a class="button quiet" href={againPath(job, method)}>
              {t.transfer.again}
            </a>
          </JobActions>
        }
      >
        <p class="row soft">
          <StatusMark job={job} />
          <span>
            {t.transfer.by(
              capital(stylesTitle(styles, gallery)),
              method?.title ?? title(name),
              network ? (networkTitles[network] ?? network) : null,
            )}
            {job.retry_of !== null && (
              <>
                {t.transfer.retryOf} <a href={`/style/${job.retry_of}`}>{job.retry_of}</a>
              </>
            )}
          </span>
        </p>
      </PageHead>
      <ProblemNote problem={refused} />
      <Trouble job={job} />
      <ProblemNote problem={problem} />
      <div class="transfer-columns">
        <div class="stack">
          <Scrubber previews={previews} what={t.transfer.picture} waiting={waitingWords(job)}>
            {(preview) => (
              <BeforeAfter
                before={referredUrl(content, 2048)}
                after={preview?.url}
                alt={preview ? t.transfer.after(number(preview.step)) : ""}
                share={ended ? 0.5 : 0}
              />
            )}
          </Scrubber>
          {columns.steps.length > 1 && loss.names.length > 0 && (
            <section class="panel stack losses" aria-labelledby="loss">
              <h2 id="loss">{t.transfer.losses}</h2>
              <Chart columns={columns} quantity={loss} minor />
            </section>
          )}
        </div>
        <div class="stack">
          <section class="panel stack" aria-label={t.transfer.progress}>
            <strong>{progressWords(job)}</strong>
            <JobProgress job={job} />
            <Facts job={job} />
          </section>
          <MadeOf job={job} gallery={gallery} />
          <Settings job={job} method={method} />
        </div>
      </div>
      {job.log && (
        <section class="stack" aria-labelledby="log">
          <div class="row apart">
            <h2 id="log">{t.transfer.log}</h2>
            <a class="small" href={`/logs/${job.log}`}>
              {job.log}
            </a>
          </div>
          <LogView name={job.log} follow={isLive(job.status)} height="10rem" />
        </section>
      )}
    </div>
  );
}

const networkTitles: Record<string, string> = { vgg19: "VGG-19", lite0: "EfficientNet-Lite0", adain: "AdaIN" };

/** What stands below the content as long as there is nothing to see but that. */
function waitingWords({ status, cancel_requested }: StyleTransfer): string {
  if (cancel_requested || status === "cancelled") return t.transfer.waiting.cancelled;
  if (status === "failed") return t.transfer.waiting.failed;
  if (status === "paused" || status === "interrupted") return t.transfer.waiting.paused;
  if (status === "queued") return t.transfer.waiting.queued;
  return t.transfer.waiting.running;
}

/** All of them in one chart: what they are told as adds up to what is made small. */
function lossesIn({ series }: Columns): Quantity {
  const names = Object.keys(series);
  return { title: t.chart.losses, names, labels: names.map((name) => name.split("/").at(-1) ?? name), unit: "number" };
}

function Facts({ job }: { job: StyleTransfer }) {
  const facts: [string, string][] = [
    [t.transfer.size, /^\d/.test(job.stage ?? "") ? `${job.stage?.replace(" x ", " × ")}` : "–"],
    [t.transfer.step, job.total_steps > 0 ? `${number(job.step)} / ${number(job.total_steps)}` : "–"],
    timeFact(job),
  ];
  return <FactList facts={facts} />;
}

function MadeOf({ job: { style_transfer }, gallery }: { job: StyleTransfer; gallery: Style[] | undefined }) {
  const { content, styles } = style_transfer;
  const names = styleNames(styles, gallery);
  return (
    <section class="panel stack" aria-labelledby="made-of">
      <h2 id="made-of">{t.transfer.madeOf}</h2>
      <ul class="made-of">
        <li>
          <Picture src={referredUrl(content, 256)} alt="" />
          <span class="small">{t.style.content}</span>
        </li>
        {styles.map(({ picture, weight, mask }, index) => (
          <li key={picture}>
            <Picture src={referredUrl(picture, 256)} alt="" />
            <span class="small">
              {capital(names[index] ?? "")}
              {styles.length > 1 && (
                <span class="soft">
                  {" "}
                  ×{"\u00a0"}
                  {number(weight)}
                </span>
              )}
            </span>
            {mask && (
              <span class="row small soft">
                <img class="mask" src={referredUrl(mask, 64)} alt="" /> {t.transfer.masked}
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What was asked for otherwise than by default; all else is folded away. */
function Settings({ job, method }: { job: StyleTransfer; method: StyleMethod | undefined }) {
  const changed = Object.keys(changedIn(job, method));
  const list = (names: string[]) => (
    <dl class="settings">
      {names.map((name) => {
        const value = job.hyperparameters[name];
        return (
          <div key={name}>
            <dt>{title(name)}</dt>
            <dd>
              {Array.isArray(value) ? value.join(", ") || t.transfer.ofNetwork : String(value ?? t.transfer.notUsed)}
            </dd>
          </div>
        );
      })}
    </dl>
  );
  const others = Object.keys(job.hyperparameters).filter((name) => !changed.includes(name));
  return (
    <section class="panel stack close" aria-labelledby="settings">
      <h2 id="settings">{t.transfer.settings}</h2>
      {changed.length > 0 ? list(changed) : <p class="soft">{t.transfer.allDefault}</p>}
      <details>
        <summary>{t.transfer.others(others.length, changed.length > 0)}</summary>
        {list(others)}
      </details>
    </section>
  );
}
