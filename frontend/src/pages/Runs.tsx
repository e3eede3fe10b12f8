/** Every training run, newest first: filtered, searched, and chosen to be compared. The address holds every choice. */

import { useEffect, useState } from "preact/hooks";
import { api, type RunFilters } from "../api/client";
import type { Problem } from "../api/problem";
import type { TrainingRun } from "../api/types";
import { JobProgress, Loading, PageHead, ProblemNote, StatusMark, useNow } from "../components/pieces";
import { mostBeside } from "../lib/differences";
import { ago, number } from "../lib/format";
import { isLive, progressWords, statuses, statusWords, timeFact } from "../lib/job";
import { asProblem, useResource } from "../lib/resource";
import { isLike, toggled } from "../lib/runs";
import { address, type Changes, useQuery } from "../lib/url";
import { jobs, remember, runsOf } from "../stores/jobs";
import { t } from "../strings";

export default function Runs() {
  const [query, change] = useQuery();
  const only: RunFilters = {
    status: statuses.find((known) => known === query.status),
    architecture: query.architecture,
    dataset: query.dataset,
    model: query.model,
    q: query.q,
  };
  const chosen = (query.compare ?? "")
    .split(",")
    .map(Number)
    .filter(Boolean)
    .slice(0, mostBeside + 1);
  return (
    <div class="page">
      <PageHead title={t.runs.title} />
      <Filters only={only} change={change} />
      <RunTable
        key={JSON.stringify(only)}
        only={only}
        chosen={chosen}
        onChoose={(id) => change({ compare: toggled(chosen, id) })}
      />
      {chosen.length > 0 && <CompareBar chosen={chosen} onClear={() => change({ compare: undefined })} />}
    </div>
  );
}

function Filters({ only, change }: { only: RunFilters; change: (changes: Changes) => void }) {
  const architectures = useResource("architectures", api.architectures).data ?? [];
  const datasets = useResource("datasets", api.datasets).data ?? [];
  const models = useResource("models", api.models).data ?? [];
  const named = (all: { name: string; title?: string }[]) =>
    all.map(({ name, title }): [string, string] => [name, title ?? name]);
  return (
    <search class="filters">
      <input
        type="search"
        aria-label={t.runs.search}
        placeholder={t.runs.placeholder}
        value={only.q ?? ""}
        onInput={(e) => change({ q: e.currentTarget.value || undefined })}
      />
      <Filter
        label={t.runs.status}
        all={t.runs.allStatuses}
        value={only.status}
        options={statuses.map((known): [string, string] => [known, statusWords[known]])}
        onChoose={(status) => change({ status })}
      />
      <Filter
        label={t.runs.architecture}
        all={t.runs.allArchitectures}
        value={only.architecture}
        options={named(architectures)}
        onChoose={(architecture) => change({ architecture })}
      />
      <Filter
        label={t.runs.dataset}
        all={t.runs.allDatasets}
        value={only.dataset}
        options={named(datasets)}
        onChoose={(dataset) => change({ dataset })}
      />
      <Filter
        label={t.runs.model}
        all={t.runs.allModels}
        value={only.model}
        options={named(models)}
        onChoose={(model) => change({ model })}
      />
    </search>
  );
}

interface FilterProps {
  label: string;
  all: string;
  value: string | undefined;
  options: [value: string, words: string][];
  onChoose: (value: string | undefined) => void;
}

function Filter({ label, all, value, options, onChoose }: FilterProps) {
  const known =
    value === undefined || options.some(([option]) => option === value) ? options : [...options, [value, value]];
  return (
    <select aria-label={label} value={value ?? ""} onChange={(e) => onChoose(e.currentTarget.value || undefined)}>
      <option value="">{all}</option>
      {known.map(([option, words]) => (
        <option key={option} value={option}>
          {words}
        </option>
      ))}
    </select>
  );
}

interface RunTableProps {
  only: RunFilters;
  chosen: number[];
  onChoose: (id: number) => void;
}

function RunTable({ only, chosen, onChoose }: RunTableProps) {
  const now = useNow(30);
  const { data, problem } = useResource(`runs ${JSON.stringify(only)}`, () => api.runs(undefined, only));
  const [more, setMore] = useState<string | null>();
  const [failed, setFailed] = useState<Problem | null>(null);
  const cursor = more === undefined ? data?.next_cursor : more;
  useEffect(() => remember(data?.items ?? []), [data]);

  const readOn = async () => {
    try {
      const page = await api.runs(cursor ?? undefined, only);
      remember(page.items);
      setMore(page.next_cursor);
    } catch (reason) {
      setFailed(asProblem(reason));
    }
  };

  const shown = runsOf(jobs.value).filter((run) => isLike(only, run));
  const all = Object.values(only).every((value) => value === undefined);
  return (
    <>
      <ProblemNote problem={problem ?? failed} />
      {shown.length > 0 && (
        <table class="files runs" aria-label={t.runs.table}>
          <thead>
            <tr>
              <th scope="col">{t.runs.choose}</th>
              <th scope="col">{t.runs.run}</th>
              <th scope="col">{t.runs.state}</th>
              <th scope="col">{t.runs.speed}</th>
              <th scope="col">{t.runs.took}</th>
              <th scope="col">{t.runs.when}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((job) => (
              <Row key={job.id} job={job} now={now} chosen={chosen} onChoose={onChoose} />
            ))}
          </tbody>
        </table>
      )}
      {!data && !problem && shown.length === 0 && <Loading />}
      {data && shown.length === 0 && (
        <p class="empty">
          {all ? (
            <>
              {t.runs.empty}
              <a href="/train">{t.runs.startFirst}</a>.
            </>
          ) : (
            <>
              {t.runs.none} <a href="/runs">{t.runs.showAll}</a>
            </>
          )}
        </p>
      )}
      {cursor && (
        <button class="quiet fit" type="button" onClick={readOn}>
          {t.runs.older}
        </button>
      )}
    </>
  );
}

interface RowProps {
  job: TrainingRun;
  now: number;
  chosen: number[];
  onChoose: (id: number) => void;
}

function Row({ job, now, chosen, onChoose }: RowProps) {
  const taken = chosen.includes(job.id);
  const [, time] = timeFact(job);
  return (
    <tr>
      <td>
        <label class="tickbox">
          <input
            type="checkbox"
            checked={taken}
            disabled={!taken && chosen.length > mostBeside}
            aria-label={t.runs.chooseRun(job.id)}
            onChange={() => onChoose(job.id)}
          />
        </label>
      </td>
      <th scope="row">
        <a class="run" href={`/runs/${job.id}`}>
          {job.preview ? <img class="thumb" src={job.preview} alt="" loading="lazy" /> : <span class="thumb" />}
          <span>
            <strong>{job.model}</strong> <span class="soft">{t.runs.number(job.id)}</span>
            <br />
            <span class="soft">
              {t.runs.on(job.architecture, job.dataset)}
              {job.preset && `, ${job.preset}`}
            </span>
          </span>
        </a>
      </th>
      <td>
        <StatusMark job={job} />
        <br />
        <span class="soft">{progressWords(job)}</span>
        {isLive(job.status) && <JobProgress job={job} />}
      </td>
      <td>{job.images_per_second ? number(Math.round(job.images_per_second)) : "–"}</td>
      <td>{time}</td>
      <td>{ago(job.started_at ?? job.created_at, now)}</td>
    </tr>
  );
}

/** Two runs or more can be looked at together. */
function CompareBar({ chosen, onClear }: { chosen: number[]; onClear: () => void }) {
  const [first = 0, ...others] = chosen;
  return (
    <div class="start-bar" role="status">
      <span>{others.length > 0 ? chosen.map(t.runs.number).join(", ") : t.runs.chooseMore}</span>
      <span class="row">
        <button class="plain" type="button" onClick={onClear}>
          {t.runs.clear}
        </button>
        {others.length > 0 && (
          <a class="button" href={address(`/runs/${first}`, { with: others.join(",") })}>
            {t.runs.compare(chosen.length)}
          </a>
        )}
      </span>
    </div>
  );
}
