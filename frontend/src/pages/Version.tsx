/** One version: what it draws, how good that is, where it comes from, what it is called, and ways to take it along. */

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Version as VersionShape } from "../api/types";
import { Icon } from "../components/Icon";
import { FactList, Loading, PageHead, Picture, ProblemNote, useNow } from "../components/pieces";
import { ago, bytes, duration, number, title } from "../lib/format";
import { asProblem, useResource } from "../lib/resource";
import { arrows, withError } from "../lib/scores";
import { rolled } from "../lib/seeds";
import { address, prefixed } from "../lib/url";
import { changed, useFresh } from "../stores/models";
import { t } from "../strings";
import "../styles/models.css";
import { discardVersion, modelUrl, Note, nameOf, VersionLink } from "./models-pieces";

export default function Version() {
  const { name = "", version = "" } = useRoute().params;
  const read = useResource(`version ${name} ${version}`, () => api.version(name, version));
  useFresh(read);
  const { data, problem } = read;
  if (data && problem?.status !== 404) return <VersionView key={nameOf(data)} version={data} />;
  return (
    <div class="page">
      <PageHead title={problem ? `${name}@${version}` : "…"} tab={t.shell.tab(name)} />
      <ProblemNote problem={problem} />
      {problem?.status === 404 && (
        <p class="row">
          <a class="button" href="/models">
            {t.models.toModels}
          </a>
          <a class="button quiet" href="/models?bin=open">
            {t.models.toBin}
          </a>
        </p>
      )}
      {!problem && <Loading />}
    </div>
  );
}

function VersionView({ version }: { version: VersionShape }) {
  const words = t.version;
  const { route } = useLocation();
  const [problem, setProblem] = useState<Problem | null>(null);
  const now = useNow(60);
  const { model, version: number_, training, manifest } = version;
  const name = nameOf(version);
  const attempt = (deed: () => Promise<unknown>) => deed().catch((reason) => setProblem(asProblem(reason)));
  const discard = () =>
    attempt(async () => {
      const others = (await api.versions(model)).length > 1;
      await discardVersion(model, number_, () => route(others ? modelUrl(model) : "/models"));
    });
  const stylize = () =>
    attempt(async () => {
      const [drawn] = await api.draw(model, number_, { seed: Number(rolled()), count: 1 }, {});
      route(address("/style", { content: drawn?.id }));
    });
  return (
    <div class="page">
      <PageHead
        title={name}
        actions={
          <div class="row">
            <a class="button" href={address("/inference", { model, version: String(number_) })}>
              {t.models.draw}
            </a>
            <a class="button quiet" href={trainOn(version)}>
              {words.train}
            </a>
            <button class="quiet" type="button" title={words.stylizeHelp} onClick={stylize}>
              {words.stylize}
            </button>
            <button class="quiet" type="button" onClick={discard}>
              {t.models.deleteVersion}
            </button>
          </div>
        }
      >
        <p class="soft">
          <a href={modelUrl(model)}>{model}</a>, {words.by(version.architecture)}
          <a href={`/datasets/${encodeURIComponent(version.dataset)}`}>{version.dataset}</a>
        </p>
        <Note
          label={t.models.versionNote}
          note={version.note}
          onSave={async (note) => {
            await api.noteVersion(model, number_, note);
            changed();
          }}
        />
      </PageHead>
      <ProblemNote problem={problem} />
      <div class="version-columns">
        <figure class="frame">
          <div class="mat">
            <Picture src={version.samples_url} alt={t.models.samplesOf(name)} class="crisp" />
          </div>
        </figure>
        <div class="page">
          <Aliases version={version} />
          <Scores version={version} />
          <Part id="lineage" title={words.lineage}>
            <p>
              {version.job !== null ? (
                <a href={`/runs/${version.job}`}>{words.runLink(version.job)}</a>
              ) : manifest.starter ? (
                words.starter
              ) : (
                words.imported
              )}
              {", "}
              {ago(version.created_at, now)}
              {version.start_from && (
                <>
                  {". "}
                  {words.startedFrom} <VersionLink name={version.start_from} />
                </>
              )}
            </p>
          </Part>
          <Part id="download" title={words.download}>
            <div class="row">
              {(["zip", "safetensors", "onnx"] as const).map((format) => (
                <a
                  key={format}
                  class="button quiet"
                  download
                  href={`/api/v1${modelUrl(model)}/versions/${number_}/download?format=${format}`}
                >
                  {words.formats[format]}
                </a>
              ))}
            </div>
            <p class="small soft">{words.onnxHint}</p>
          </Part>
        </div>
      </div>
      <div class="panel">
        <FactList
          facts={[
            [words.facts.images, words.pixels(version.image.resolution, version.image.channels === 1)],
            [words.facts.parameters, number(version.parameters)],
            [words.facts.size, bytes(version.bytes)],
            [words.facts.steps, number(training.steps)],
            [words.facts.seen, number(training.images_seen)],
            [words.facts.time, duration(training.seconds)],
            [words.facts.device, training.device],
            [words.facts.seed, String(training.seed)],
          ]}
        />
      </div>
      <Settings label={words.settings} values={version.hyperparameters} />
      <Settings label={words.packages} values={{ ...manifest.packages, [words.digest]: version.digest }} />
    </div>
  );
}

function Part({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="stack close" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

function Aliases({ version }: { version: VersionShape }) {
  const words = t.version;
  const id = useId();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const attempt = async (deed: () => Promise<unknown>) => {
    try {
      await deed();
      setProblem(null);
      setText("");
      changed();
    } catch (reason) {
      setProblem(asProblem(reason));
    }
  };
  return (
    <Part id="aliases" title={words.aliases}>
      {version.aliases.length > 0 && (
        <div class="row">
          {version.aliases.map((alias) => (
            <span key={alias} class="tag best alias">
              {alias}
              <button
                class="plain square"
                type="button"
                aria-label={words.take(alias)}
                onClick={() => attempt(() => api.takeAlias(version.model, alias))}
              >
                <Icon name="close" size={14} />
              </button>
            </span>
          ))}
        </div>
      )}
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim()) void attempt(() => api.giveAlias(version.model, text.trim(), version.version));
        }}
      >
        <label class="hidden-visually" for={id}>
          {words.aliasNew}
        </label>
        <input
          id={id}
          class="alias-name"
          placeholder={words.aliasNew}
          autocomplete="off"
          spellcheck={false}
          value={text}
          aria-invalid={problem ? true : undefined}
          aria-describedby={`${id}-help`}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button class="quiet" type="submit">
          {words.give}
        </button>
      </form>
      <span id={`${id}-help`} class="stack tight">
        {problem && <span class="field-error">{problem.detail || problem.title}</span>}
        <span class="field-help">{words.aliasHelp}</span>
      </span>
    </Part>
  );
}

function Scores({ version }: { version: VersionShape }) {
  const words = t.version;
  const name = nameOf(version);
  return (
    <Part id="scores" title={words.scores}>
      {version.scores.length > 0 ? (
        <dl class="settings">
          {version.scores.map((score) => (
            <div key={score.score}>
              <dt>
                {score.title} <span aria-hidden="true">{arrows[score.better]}</span>
              </dt>
              <dd>{withError(score)}</dd>
            </div>
          ))}
        </dl>
      ) : (
        <p class="soft">{words.unmeasured}</p>
      )}
      <p class="row">
        <a href={address("/metrics", { measure: name })}>{words.measure}</a>
        {version.scores.length > 0 && <a href="/metrics">{words.allScores}</a>}
      </p>
    </Part>
  );
}

function Settings({ label, values }: { label: string; values: Record<string, unknown> }) {
  return (
    <details>
      <summary>{label}</summary>
      <dl class="settings panel">
        {Object.entries(values).map(([name, value]) => (
          <div key={name}>
            <dt>{title(name)}</dt>
            <dd>{value === null || value === undefined ? t.version.unused : String(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** The Train page with this version's weights, data and settings. */
function trainOn({ model, version, architecture, dataset, hyperparameters, training, manifest }: VersionShape): string {
  return address("/train", {
    architecture,
    dataset,
    preset: training.preset ?? undefined,
    model,
    start_from: `${model}@${version}`,
    ...prefixed(written(hyperparameters), "hp."),
    ...prefixed(written(manifest.dataset.options), "data."),
  });
}

/** Of values, those that there are. */
function written(values: Record<string, unknown>): Record<string, string> {
  const set = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [name, String(value)]));
}
