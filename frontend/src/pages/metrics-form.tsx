/** Measure a version: which, by what, and through which network. The address holds every choice below "m.". */

import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import { fieldErrors, type Problem } from "../api/problem";
import type { Evaluation, EvaluationRequest, Metric, Model, Version } from "../api/types";
import { SelectField, TextField } from "../components/fields";
import { Loading, ProblemNote } from "../components/pieces";
import { Slider } from "../components/Slider";
import { asProblem, useResource } from "../lib/resource";
import { type Board, lacks, missing, networkTitle, titleThrough, usualFirst, usualMetrics } from "../lib/scores";
import { below, type Changes, replaced, useQuery } from "../lib/url";
import { remember } from "../stores/jobs";
import { t } from "../strings";
import { useVersion, VersionFields } from "./metrics-version";

const words = t.metrics.form;
const usual = { metrics: usualMetrics, images: "5000", network: "lite0" };

/** As the board that is shown was measured, unless somebody says otherwise: then the version stands among its rows. */
export function MeasureForm({ board }: { board: Board | undefined }) {
  const models = useResource("models", api.models);
  const known = useResource("metrics", api.metricKinds);
  const [, change] = useQuery();
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.querySelector("h2")?.focus(), []);
  const drawable = models.data?.filter(({ latest }) => latest !== null);
  const problem = models.problem ?? known.problem;
  return (
    <section class="panel stack" aria-labelledby="measure" ref={box}>
      <div class="row apart">
        <h2 id="measure" tabIndex={-1}>
          {t.metrics.measure}
        </h2>
        <button class="plain" type="button" onClick={() => change({ measure: undefined })}>
          {t.common.close}
        </button>
      </div>
      <ProblemNote problem={problem} />
      {drawable?.length === 0 && (
        <p>
          {words.none}
          <a href="/train">{words.train}</a>
          {words.first}
        </p>
      )}
      {drawable && drawable.length > 0 && known.data ? (
        <Form models={drawable} known={known.data} board={board} />
      ) : (
        !problem && !drawable && <Loading />
      )}
    </section>
  );
}

interface FormProps {
  models: Model[];
  known: Metric[];
  board: Board | undefined;
}

function Form({ models, known, board }: FormProps) {
  const [query, change] = useQuery();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [starting, setStarting] = useState(false);
  const { version, versions, model } = useVersion(models, query.measure);
  const own = below(query, "m.");
  const like = board?.of.fingerprint ? board.of : undefined;
  const network = own.network ?? like?.network ?? usual.network;
  const images = own.images ?? String(like?.num_generated ?? usual.images);
  const seed = own.seed ?? "0";
  const real = whole(own.real ?? "") ?? (like?.real === version?.dataset ? like?.num_real : null);

  if (!version) return <Loading />;
  const truncation = version.options.includes("truncation_psi") && own.psi ? Number(own.psi) : null;
  const ordered = usualFirst(known);
  const fitting = ordered.filter((metric) => lacks(metric, version) === null);
  const names = own.metrics === undefined ? usual.metrics : own.metrics.split(",");
  const chosen = fitting.filter(({ name }) => names.includes(name));

  const edited = (changes: Changes) => {
    setProblem(null);
    change(Object.fromEntries(Object.entries(changes).map(([name, value]) => [`m.${name}`, value])));
  };
  const choose = (model: string) => {
    setProblem(null);
    change({ measure: model });
  };
  const absent = missing(chosen, network);
  const errors = fieldErrors(problem);
  const count = whole(images);
  const least = Math.max(2, ...chosen.map((metric) => metric.least));
  const countError = count === null || count < least ? words.fewImages(least) : errors.num_samples;
  const seedError = whole(seed) === null ? words.noSeed : errors.seed;
  const ready = chosen.length > 0 && absent.length === 0 && count !== null && count >= least && whole(seed) !== null;

  const start = async (event: Event) => {
    event.preventDefault();
    if (!ready || starting) return;
    setStarting(true);
    setProblem(null);
    try {
      const job = await api.evaluate({
        model,
        version: version.version,
        metrics: chosen.map(({ name }) => name),
        num_samples: count ?? 0,
        ...(real && { num_real: real }),
        network,
        seed: Number(seed),
        truncation_psi: truncation,
        split: (own.split as EvaluationRequest["split"]) ?? null,
      });
      remember([job as Evaluation]);
      change({ measure: undefined, board: undefined, score: undefined, sort: undefined, ...replaced(query, "m.", {}) });
    } catch (reason) {
      setProblem(asProblem(reason));
    }
    setStarting(false);
  };

  const networks = known[0]?.titles.map((title) => title.network) ?? [];
  return (
    <form class="stack" onSubmit={start} noValidate>
      <div class="fields">
        <VersionFields models={models} versions={versions} version={version} onChoose={choose} />
        <SelectField
          label={words.seenBy}
          help={network === "inception" ? words.inceptionHelp : words.liteHelp}
          value={network}
          error={absent.length === 0 ? errors.network : undefined}
          options={networks.map((name) => [name, networkTitle(name)])}
          onChoose={(name) => edited({ network: name })}
        />
        <TextField
          label={words.images}
          help={words.imagesHelp}
          value={images}
          error={countError}
          onText={(text) => edited({ images: text })}
          numeric
        />
      </div>
      <Choice
        fitting={fitting}
        others={ordered.filter((metric) => !fitting.includes(metric))}
        chosen={chosen}
        network={network}
        version={version}
        error={errors.metrics ?? (chosen.length === 0 ? words.chooseOne : undefined)}
        onChoose={(names) => edited({ metrics: names.join(",") })}
      />
      {absent.map((what) => (
        <p class="note mild" key={what} role="alert">
          {what}
        </p>
      ))}
      <details>
        <summary>{words.more}</summary>
        <div class="fields">
          <TextField
            label={words.seed}
            help={words.seedHelp}
            value={seed}
            error={seedError}
            onText={(text) => edited({ seed: text === "0" ? undefined : text })}
            numeric
          />
          <SelectField
            label={words.real}
            help={words.realHelp}
            value={own.split ?? ""}
            error={errors.split}
            options={splits}
            onChoose={(split) => edited({ split: split || undefined })}
          />
          {version.options.includes("truncation_psi") && (
            <Slider
              label={words.truncation}
              value={truncation ?? undefined}
              rest={1}
              resting={words.untruncated}
              min={0}
              max={1}
              step={0.05}
              onChange={(psi) => edited({ psi: psi === undefined ? undefined : String(psi) })}
            />
          )}
        </div>
      </details>
      <ProblemNote problem={problem} />
      <div class="row apart">
        <span class="small soft">{words.queue}</span>
        <button type="submit" disabled={!ready || starting}>
          {starting ? t.common.starting : words.measure}
        </button>
      </div>
    </form>
  );
}

interface ChoiceProps {
  fitting: Metric[];
  others: Metric[];
  chosen: Metric[];
  network: string;
  version: Version;
  error: string | undefined;
  onChoose: (names: string[]) => void;
}

function Choice({ fitting, others, chosen, network, version, error, onChoose }: ChoiceProps) {
  const names = chosen.map(({ name }) => name);
  const toggle = (name: string) =>
    onChoose(names.includes(name) ? names.filter((other) => other !== name) : [...names, name]);
  return (
    <div class="stack close">
      <fieldset class="chips bare" aria-label={words.metrics} aria-describedby={error ? "metrics-error" : undefined}>
        {fitting.map((metric) => (
          <label class="chip" key={metric.name} title={metric.summary}>
            <input type="checkbox" checked={names.includes(metric.name)} onChange={() => toggle(metric.name)} />
            {titleThrough(metric, network)}
          </label>
        ))}
      </fieldset>
      {error && (
        <p class="field-error" id="metrics-error">
          {error}
        </p>
      )}
      <details class="small">
        <summary>{words.meanings(others.length)}</summary>
        <dl class="meanings">
          {fitting.map((metric) => (
            <div key={metric.name}>
              <dt>{titleThrough(metric, network)}</dt>
              <dd>
                {metric.summary} <a href={metric.paper}>{words.paper}</a>
              </dd>
            </div>
          ))}
          {others.map((metric) => (
            <div key={metric.name} class="soft">
              <dt>{titleThrough(metric, network)}</dt>
              <dd>{words.unfit(lacks(metric, version))}</dd>
            </div>
          ))}
        </dl>
      </details>
    </div>
  );
}

const splits: [string, string][] = [
  ["", words.parts.trained],
  ["train", words.parts.train],
  ["val", words.parts.val],
  ["test", words.parts.test],
  ["all", words.parts.all],
];

function whole(text: string): number | null {
  return /^\d{1,9}$/.test(text.trim()) ? Number(text) : null;
}
