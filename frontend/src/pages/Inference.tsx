/** Draws images from a version. The address holds version, seed and count, so it brings the same images back. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Model, Version } from "../api/types";
import { Icon } from "../components/Icon";
import { Loading, PageHead, ProblemNote } from "../components/pieces";
import { asProblem, useResource } from "../lib/resource";
import { address, useQuery } from "../lib/url";
import { type Abilities, asked, forgotten, promptsOf, wishesOf } from "../lib/wishes";
import { canBeTurned, Dial } from "./inference-dial";
import { Readings } from "./inference-readings";
import { type Drawing, Wall } from "./inference-wall";
import { canBeAsked, WishesPanel } from "./inference-wishes";

const mostImages = 64;
const largestSeed = 2 ** 31 - 1;

export default function Inference() {
  const models = useResource("models", api.models);
  const drawable = models.data?.filter((model) => model.latest !== null);
  return (
    <div class="page">
      <PageHead title="Inference">
        <p class="lead">Every image has a seed of its own; the same seed draws it again, alone or among others.</p>
      </PageHead>
      <ProblemNote problem={models.problem} />
      {!drawable && !models.problem && <Loading />}
      {drawable?.length === 0 && (
        <p class="empty">
          There is no version to draw from yet. <a href="/train">Train a model</a> first.
        </p>
      )}
      {drawable && drawable.length > 0 && <Easel models={drawable} />}
    </div>
  );
}

function Easel({ models }: { models: Model[] }) {
  const [query, change] = useQuery();
  const model = models.find((m) => m.name === query.model) ?? newest(models);
  const { data: versions, reload } = useResource(`versions ${model.name}`, () => api.versions(model.name));
  const number = wholeNumber(query.version, 1, Number.MAX_SAFE_INTEGER) ?? model.latest?.version ?? 1;
  const version = [...(versions ?? []), model.latest].find((v) => v?.version === number) ?? undefined;
  const can = version ?? nothing;
  const [seedText, countText] = [query.seed ?? "0", query.count ?? "16"];
  const seed = wholeNumber(seedText, 0, largestSeed);
  const count = wholeNumber(countText, 1, mostImages);

  const [drawing, setDrawing] = useState<Drawing>();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);

  const draw = async () => {
    if (seed === null || count === null) return;
    setBusy(true);
    setProblem(null);
    try {
      const items = await api.draw(model.name, number, seed, count, wishesOf(query, can));
      setDrawing({ asked: asked(query), items });
      change({ model: model.name, version: String(number), seed: String(seed), count: String(count) });
    } catch (reason) {
      setProblem(asProblem(reason));
    }
    setBusy(false);
  };

  const begun = useRef(query.seed === undefined);
  const known = version !== undefined || versions !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: an address with a seed asks for its images, once
  useEffect(() => {
    if (begun.current || !known) return;
    begun.current = true;
    draw();
  }, [known]);

  const choose = (name: string) => change({ ...forgotten(query), model: name, version: undefined });
  const dice = () => change({ seed: String(Math.floor(Math.random() * 1_000_000)) });

  return (
    <form
      class="page"
      onSubmit={(event) => {
        event.preventDefault();
        draw();
      }}
    >
      <div class="panel draw-bar">
        <label class="field">
          <span class="field-label">Model</span>
          <select value={model.name} onChange={(e) => choose(e.currentTarget.value)}>
            {models.map((m) => (
              <option key={m.name}>{m.name}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span class="field-label">Version</span>
          <select value={String(number)} onChange={(e) => change({ version: e.currentTarget.value })}>
            {choices(versions, number).map((v) => (
              <option key={v} value={String(v)}>
                {v === model.latest?.version ? `${v}, the latest` : v}
              </option>
            ))}
          </select>
        </label>
        <div class="field">
          <label class="field-label" for="seed">
            Seed
          </label>
          <div class="with-button">
            <input
              id="seed"
              inputMode="numeric"
              autocomplete="off"
              value={seedText}
              aria-invalid={seed === null || undefined}
              onInput={(e) => change({ seed: e.currentTarget.value })}
            />
            <button class="quiet square" type="button" onClick={dice} aria-label="Roll a seed" title="Roll a seed">
              <Icon name="dice" />
            </button>
          </div>
        </div>
        <label class="field">
          <span class="field-label">Images</span>
          <input
            inputMode="numeric"
            autocomplete="off"
            value={countText}
            aria-invalid={count === null || undefined}
            onInput={(e) => change({ count: e.currentTarget.value })}
          />
        </label>
        <button type="submit" disabled={busy || seed === null || count === null}>
          {busy ? "Drawing…" : "Draw"}
        </button>
      </div>
      <p class="row small">
        <a href={address("/metrics", { measure: `${model.name}@${number}` })}>Measure this version</a>
        <a
          href={address("/metrics/compare", {
            a: `${model.name}@${number}`,
            seed: query.seed,
            ...asked(query),
          })}
        >
          Compare it with another
        </a>
      </p>
      {(seed === null || count === null) && (
        <p class="field-error" role="alert">
          {seed === null
            ? `A seed is a whole number from 0 to ${largestSeed}.`
            : `From 1 to ${mostImages} images at once.`}
        </p>
      )}
      <ProblemNote problem={problem} />
      <div class={canBeAsked(can) || canBeTurned(version) ? "easel" : undefined}>
        {(canBeAsked(can) || canBeTurned(version)) && (
          <WishesPanel can={can} query={query} change={change}>
            {canBeTurned(version) && <Dial version={version} query={query} change={change} onFound={reload} />}
          </WishesPanel>
        )}
        <div class="stack">
          <Wall drawing={drawing} expected={count ?? 16} version={version} model={model.name} number={number} />
          {drawing && <Readings prompts={promptsOf(drawing.asked, can)} model={model.name} number={number} />}
        </div>
      </div>
      <span class="hidden-visually" aria-live="polite">
        {drawing && !busy && `${drawing.items.length} images drawn`}
      </span>
    </form>
  );
}

const nothing: Abilities = { class_names: [], attribute_names: [], options: [] };

/** `models` has at least one entry, each with a version. */
function newest(models: Model[]): Model {
  return models.reduce((a, b) => ((b.latest?.created_at ?? "") > (a.latest?.created_at ?? "") ? b : a));
}

function choices(versions: Version[] | undefined, shown: number): number[] {
  return [...new Set([...(versions?.map((v) => v.version) ?? []), shown])].sort((a, b) => b - a);
}

function wholeNumber(text: string | undefined, least: number, most: number): number | null {
  const value = /^\d+$/.test(text?.trim() ?? "") ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : null;
}
