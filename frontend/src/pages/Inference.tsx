/** Draws images from a version. The address holds version, seed and count, so it brings the same images back. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Picture as Drawn, Model, Version } from "../api/types";
import { Icon } from "../components/Icon";
import { Loading, PageHead, Picture, ProblemNote } from "../components/pieces";
import { asProblem, useResource } from "../lib/resource";
import { address, useQuery } from "../lib/url";

const mostImages = 64;
const largestSeed = 2 ** 31 - 1;

export function Inference() {
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

/** What was asked for, and the images that came. */
interface Drawing {
  asked: string;
  items: Drawn[];
}

function Easel({ models }: { models: Model[] }) {
  const [query, change] = useQuery();
  const model = models.find((m) => m.name === query.model) ?? newest(models);
  const versions = useResource(`versions ${model.name}`, () => api.versions(model.name)).data;
  const version = wholeNumber(query.version, 1, Number.MAX_SAFE_INTEGER) ?? model.latest?.version ?? 1;
  const [seedText, countText] = [query.seed ?? "0", query.count ?? "16"];
  const seed = wholeNumber(seedText, 0, largestSeed);
  const count = wholeNumber(countText, 1, mostImages);
  const asked = `${model.name}@${version} ${seed}+${count}`;

  const [drawing, setDrawing] = useState<Drawing>();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);

  const draw = async () => {
    if (seed === null || count === null) return;
    setBusy(true);
    setProblem(null);
    try {
      setDrawing({ asked, items: await api.draw(model.name, version, seed, count) });
      change({ model: model.name, version: String(version), seed: String(seed), count: String(count) });
    } catch (reason) {
      setProblem(asProblem(reason));
    }
    setBusy(false);
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: an address with a seed asks for its images, once
  useEffect(() => {
    if (query.seed !== undefined) draw();
  }, []);

  const dice = () => change({ seed: String(Math.floor(Math.random() * 1_000_000)) });

  return (
    <>
      <form
        class="panel draw-bar"
        onSubmit={(event) => {
          event.preventDefault();
          draw();
        }}
      >
        <label class="field">
          <span class="field-label">Model</span>
          <select value={model.name} onChange={(e) => change({ model: e.currentTarget.value, version: undefined })}>
            {models.map((m) => (
              <option key={m.name}>{m.name}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span class="field-label">Version</span>
          <select value={String(version)} onChange={(e) => change({ version: e.currentTarget.value })}>
            {choices(versions, version).map((v) => (
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
      </form>
      {(seed === null || count === null) && (
        <p class="field-error" role="alert">
          {seed === null
            ? `A seed is a whole number from 0 to ${largestSeed}.`
            : `From 1 to ${mostImages} images at once.`}
        </p>
      )}
      <ProblemNote problem={problem} />
      <Wall
        drawing={drawing}
        expected={count ?? 16}
        version={versions?.find((v) => v.version === version) ?? model.latest}
        model={model.name}
        number={version}
      />
      <span class="hidden-visually" aria-live="polite">
        {drawing && !busy && `${drawing.items.length} images drawn`}
      </span>
    </>
  );
}

interface WallProps {
  drawing: Drawing | undefined;
  expected: number;
  version: Version | null;
  model: string;
  number: number;
}

/** The images, or their empty places before the first drawing. Small ones are shown at up to four times their size. */
function Wall({ drawing, expected, version, model, number }: WallProps) {
  const resolution = version?.image.resolution ?? 32;
  const tile = `${Math.min(256, Math.max(128, resolution * 4))}px`;
  const places: (Drawn | undefined)[] = drawing?.items ?? new Array(expected).fill(undefined);
  return (
    <div class="wall" style={{ "--tile": tile }}>
      {places.map((image, index) => (
        <figure class="frame" key={image?.id ?? index}>
          <div class="mat">
            {image ? <Picture src={image.url} alt={`Image from seed ${image.seed}`} /> : <div class="picture" />}
          </div>
          <figcaption>
            {image && (
              <>
                <span class="seed" title={`Seed ${image.seed}`}>
                  {image.seed}
                </span>
                <span class="buttons">
                  <a
                    class="button plain square"
                    href={image.url}
                    download={`${model}-v${number}-${image.seed}.png`}
                    aria-label={`Save image ${image.seed}`}
                    title="Save"
                  >
                    <Icon name="save" size={17} />
                  </a>
                  <CopyLink
                    path={address("/inference", {
                      model,
                      version: String(number),
                      seed: String(image.seed),
                      count: "1",
                    })}
                    label={`Copy the link of image ${image.seed}`}
                  />
                </span>
              </>
            )}
          </figcaption>
        </figure>
      ))}
    </div>
  );
}

/** Browsers give the clipboard to secure pages alone; elsewhere the button is a plain link to copy from. */
function CopyLink({ path, label }: { path: string; label: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    const timer = copied ? setTimeout(() => setCopied(false), 1500) : undefined;
    return () => clearTimeout(timer);
  }, [copied]);
  if (!navigator.clipboard)
    return (
      <a class="button plain square" href={path} aria-label={label}>
        <Icon name="link" size={17} />
      </a>
    );
  const copy = () => navigator.clipboard.writeText(new URL(path, location.origin).href).then(() => setCopied(true));
  return (
    <button class="plain square" type="button" onClick={copy} aria-label={copied ? "Copied" : label} title="Copy link">
      <Icon name={copied ? "check" : "link"} size={17} />
    </button>
  );
}

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
