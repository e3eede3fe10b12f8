/** All models: found by what is said of them, sorted by what was measured, and the bin of what was deleted. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Model, Version } from "../api/types";
import { Loading, PageHead, Picture, ProblemNote, useNow } from "../components/pieces";
import { ago, bytes } from "../lib/format";
import { byModel, type Found, mainScores } from "../lib/models";
import { asProblem, useResource } from "../lib/resource";
import { useQuery } from "../lib/url";
import { useChanges, useFresh } from "../stores/models";
import { t } from "../strings";
import "../styles/models.css";
import { Bin } from "./models-bin";
import { Import } from "./models-import";
import { AliasTags, modelUrl, ScoreWords, versionUrl } from "./models-pieces";

const atOnce = 60; // versions
const rest = 250; // milliseconds after the last letter of a search
const orders = ["newest", "fid", "kid", "ppl"];

export default function Models() {
  const words = t.models;
  const [query, change] = useQuery();
  const state = useChanges();
  const models = useResource("models", api.models);
  const bin = useResource("bin", api.bin);
  useFresh(models, bin);
  const narrowed = Boolean(query.q || query.architecture || query.alias || query.dataset);
  const wanted = {
    q: query.q,
    architecture: query.architecture,
    dataset: query.dataset,
    alias: query.alias,
    sort: orders.includes(query.sort ?? "") ? query.sort : "newest",
  };
  const found = useVersions(wanted, state);
  const shown = found.versions && byModel(found.versions);
  const open = query.bin !== undefined;
  const importing = query.import !== undefined;
  const [file, setFile] = useState<File>();
  const architectures = useResource(importing ? "architectures" : null, api.architectures);
  const known = models.data;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the same can be done by the button
    <div
      class="page"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        const dropped = event.dataTransfer?.files[0];
        if (!dropped) return;
        setFile(dropped);
        change({ import: "file" });
      }}
    >
      <PageHead
        title={words.title}
        actions={
          <div class="row">
            <button
              class={importing ? "quiet" : ""}
              type="button"
              aria-expanded={importing}
              onClick={() => {
                setFile(undefined);
                change({ import: importing ? undefined : "file" });
              }}
            >
              {importing ? t.common.close : t.bringing.open}
            </button>
            <button
              class="quiet"
              type="button"
              aria-expanded={open}
              onClick={() => change({ bin: open ? undefined : "open" })}
            >
              {words.bin(bin.data?.length ?? 0)}
            </button>
          </div>
        }
      >
        <p class="lead">{words.lead}</p>
      </PageHead>
      {importing && (
        <Import dropped={file} architectures={architectures.data} onClose={() => change({ import: undefined })} />
      )}
      {open && <Bin versions={bin.data} problem={bin.problem} />}
      <ProblemNote problem={models.problem ?? found.problem} />
      {known && known.length === 0 && (
        <p class="empty">
          {words.none} <a href="/train">{words.train}</a>
        </p>
      )}
      {known && known.length > 0 && <Filters models={known} query={query} change={change} />}
      {shown && known && known.length > 0 ? (
        <>
          <section class="versions" aria-label={words.title}>
            {shown.map((one) => (
              <ModelCard
                key={one.model}
                found={one}
                model={known.find(({ name }) => name === one.model)}
                narrowed={narrowed || wanted.sort !== "newest"}
              />
            ))}
          </section>
          {shown.length === 0 && (
            <p class="empty row">
              {words.notFound}{" "}
              <button
                class="plain"
                type="button"
                onClick={() => change({ q: undefined, architecture: undefined, dataset: undefined, alias: undefined })}
              >
                {words.showAll}
              </button>
            </p>
          )}
          {found.more && (
            <p class="row">
              <button class="quiet" type="button" onClick={found.more}>
                {words.more}
              </button>
            </p>
          )}
          <span class="hidden-visually" aria-live="polite">
            {narrowed && words.found(shown.length)}
          </span>
        </>
      ) : (
        !found.problem && !models.problem && !(known && known.length === 0) && <Loading />
      )}
    </div>
  );
}

/** What was there before, until there is something new. */
function useLast<T>(value: T | undefined): T | undefined {
  const [last, setLast] = useState(value);
  useEffect(() => {
    if (value !== undefined) setLast(value);
  }, [value]);
  return value ?? last;
}

type Wanted = Record<"q" | "architecture" | "dataset" | "alias" | "sort", string | undefined>;

/** The first page of the versions that were asked for, and a way to the next. */
function useVersions(wanted: Wanted, state: string) {
  const key = `all versions ${JSON.stringify(wanted)} ${state}`;
  const first = useResource(key, () => api.allVersions({ ...wanted, limit: atOnce }));
  const [further, setFurther] = useState<{ key: string; items: Version[]; next: string | null }>();
  const [problem, setProblem] = useState<ReturnType<typeof asProblem> | null>(null);
  const more = further?.key === key ? further : undefined;
  const next = more ? more.next : first.data?.next_cursor;
  const versions = useLast(first.data && [...first.data.items, ...(more?.items ?? [])]);
  const read = async (cursor: string) => {
    try {
      const page = await api.allVersions({ ...wanted, limit: atOnce, cursor });
      setFurther({ key, items: [...(more?.items ?? []), ...page.items], next: page.next_cursor });
      setProblem(null);
    } catch (reason) {
      setProblem(asProblem(reason));
    }
  };
  return { versions, problem: first.problem ?? problem, more: next ? () => read(next) : undefined };
}

interface FiltersProps {
  models: Model[];
  query: Record<string, string>;
  change: (changes: Record<string, string | undefined>) => void;
}

function Filters({ models, query, change }: FiltersProps) {
  const words = t.models;
  const [text, setText] = useState(query.q ?? "");
  useEffect(() => {
    const timer = setTimeout(() => {
      if (text.trim() !== (query.q ?? "")) change({ q: text.trim() || undefined });
    }, rest);
    return () => clearTimeout(timer);
  }, [text, query.q, change]);
  useEffect(() => setText(query.q ?? ""), [query.q]);
  return (
    <search class="filters">
      <label>
        {words.search}
        <input
          type="search"
          placeholder={words.searchHint}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <Filter
        label={words.architecture}
        all={words.everyArchitecture}
        names={models.map(({ latest }) => latest.architecture)}
        chosen={query.architecture}
        onChoose={(architecture) => change({ architecture })}
      />
      <Filter
        label={words.dataset}
        all={words.everyDataset}
        names={models.map(({ latest }) => latest.dataset)}
        chosen={query.dataset}
        onChoose={(dataset) => change({ dataset })}
      />
      <Filter
        label={words.alias}
        all={words.everyAlias}
        names={models.flatMap(({ aliases }) => aliases.map(({ alias }) => alias))}
        chosen={query.alias}
        onChoose={(alias) => change({ alias })}
      />
      <label>
        {words.sort}
        <select
          value={query.sort ?? "newest"}
          onChange={(event) => {
            const order = event.currentTarget.value;
            change({ sort: order === "newest" ? undefined : order });
          }}
        >
          {orders.map((order) => (
            <option key={order} value={order}>
              {order === "newest" ? words.newest : order.toUpperCase()}
            </option>
          ))}
        </select>
      </label>
    </search>
  );
}

interface FilterProps {
  label: string;
  all: string;
  names: string[]; // each of them offered once
  chosen: string | undefined;
  onChoose: (name: string | undefined) => void;
}

function Filter({ label, all, names, chosen, onChoose }: FilterProps) {
  const offered = [...new Set([...names, ...(chosen ? [chosen] : [])])].sort();
  return (
    <label>
      {label}
      <select value={chosen ?? ""} onChange={(event) => onChoose(event.currentTarget.value || undefined)}>
        <option value="">{all}</option>
        {offered.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

interface ModelCardProps {
  found: Found;
  model: Model | undefined;
  narrowed: boolean; // the version shown is the one that was looked for, and not just the latest
}

function ModelCard({ found: { model: name, version }, model, narrowed }: ModelCardProps) {
  const words = t.models;
  const now = useNow(60);
  const count = model?.versions ?? 1;
  return (
    <a class="version-card" href={narrowed && count > 1 ? versionUrl(version) : modelUrl(name)}>
      <figure class="frame">
        <div class="mat">
          <Picture src={version.samples_url} alt={words.samplesOf(`${name}@${version.version}`)} class="crisp" />
        </div>
        <figcaption>
          <span class="stack tight">
            <strong>
              {name} <span class="soft">{words.version(version.version)}</span>
            </strong>
            <span>{words.on(version.architecture, version.dataset)}</span>
            <span class="row">
              <span>{words.versions(count)}</span>
              <span>{bytes(version.bytes)}</span>
              <span>{ago(version.created_at, now)}</span>
            </span>
            <span class="row">
              <AliasTags aliases={model ? model.aliases.map(({ alias }) => alias) : version.aliases} />
              {mainScores(version.scores, 2).map((score) => (
                <ScoreWords key={score.metric} score={score} />
              ))}
            </span>
          </span>
        </figcaption>
      </figure>
    </a>
  );
}
