/** Two versions beside each other: what they draw from the same seeds, and how their scores differ. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Picture as Drawn, Model, Version } from "../api/types";
import { Icon } from "../components/Icon";
import { Loading, Picture, ProblemNote } from "../components/pieces";
import { type Can, canBeAsked, canOf, nothing, shared } from "../lib/abilities";
import { nextOfKin } from "../lib/models";
import { useResource } from "../lib/resource";
import { stays } from "../lib/rest";
import { largestSeed, rolled, whole } from "../lib/seeds";
import { address, useQuery } from "../lib/url";
import { asked, type Wishes, wishesOf } from "../lib/wishes";
import { t } from "../strings";
import { Controls } from "./inference-controls";
import { Differences } from "./metrics-differences";
import { useVersion, VersionFields } from "./metrics-version";

const words = t.metrics.versus;
const most = 32; // images of each
const soon = 250; // milliseconds, so that not every key that is pressed draws

export function Compare() {
  const models = useResource("models", api.models);
  const drawable = models.data?.filter(({ latest }) => latest !== null);
  if (models.problem && !drawable) return <ProblemNote problem={models.problem} />;
  if (!drawable) return <Loading />;
  if (drawable.length === 0)
    return (
      <p class="empty">
        {words.none}
        <a href="/train">{words.train}</a>
        {words.first}
      </p>
    );
  return <Both models={drawable} />;
}

function Both({ models }: { models: Model[] }) {
  const [query, change] = useQuery();
  const first = useVersion(models, query.a);
  const second = useVersion(models, query.b ?? defaultOther(models, query.a));
  const [a, b] = [first.version, second.version];
  if (!a || !b) return <Loading />;
  return (
    <>
      <div class="versus">
        <VersionFields
          models={models}
          versions={first.versions}
          version={a}
          named="A: "
          onChoose={(written) => change({ a: written })}
        />
        <button
          class="quiet square"
          type="button"
          onClick={() => change({ a: `${b.model}@${b.version}`, b: `${a.model}@${a.version}` })}
          aria-label={words.swap}
          title={words.swap}
        >
          ⇄
        </button>
        <VersionFields
          models={models}
          versions={second.versions}
          version={b}
          named="B: "
          onChoose={(written) => change({ b: written })}
        />
      </div>
      <Samples a={a} b={b} />
      <Differences a={a} b={b} />
    </>
  );
}

/** The model that compares best with the one that stands first, where there is another. */
function defaultOther(models: Model[], first: string | undefined): string | undefined {
  const name = first?.split("@")[0] ?? models[0]?.name;
  const latest = models.find((model) => model.name === name)?.latest;
  return (latest && nextOfKin(models, latest)?.name) ?? first;
}

function Samples({ a, b }: { a: Version; b: Version }) {
  const [query, change] = useQuery();
  const [seedText, countText] = [query.seed ?? "0", query.count ?? "8"];
  const seed = whole(seedText, 0, largestSeed);
  const count = whole(countText, 1, most);
  const locked = query.lock !== undefined;
  const [ofA, ofB] = [useAbilities(a), useAbilities(b)];
  const can = ofA && ofB ? shared(ofA, ofB) : nothing;
  return (
    <section class="stack" aria-labelledby="drawn">
      <div class="row apart">
        <h2 id="drawn">{words.drawn}</h2>
        <div class="row seeds">
          <label for="seed">{words.seed}</label>
          <input
            id="seed"
            class="short"
            inputMode="numeric"
            autocomplete="off"
            value={seedText}
            readOnly={locked}
            aria-invalid={seed === null || undefined}
            onInput={(e) => change({ seed: e.currentTarget.value })}
          />
          <button
            class="quiet square"
            type="button"
            disabled={locked}
            onClick={() => change({ seed: rolled() })}
            aria-label={t.inference.draw.roll}
            title={t.inference.draw.roll}
          >
            <Icon name="dice" />
          </button>
          <button
            class={`square ${locked ? "" : "quiet"}`}
            type="button"
            aria-pressed={locked}
            onClick={() => change({ lock: locked ? undefined : "1", seed: seedText })}
            aria-label={words.keepSeeds}
            title={locked ? words.seedsKept : words.keepSeeds}
          >
            <Icon name="lock" />
          </button>
          <span class="row seeds">
            <label for="count">{words.images}</label>
            <input
              id="count"
              class="short"
              inputMode="numeric"
              autocomplete="off"
              value={countText}
              aria-invalid={count === null || undefined}
              onInput={(e) => change({ count: e.currentTarget.value })}
            />
          </span>
        </div>
      </div>
      {(seed === null || count === null) && (
        <p class="field-error" role="alert">
          {seed === null ? t.inference.draw.badSeed(largestSeed) : words.badCount(most)}
        </p>
      )}
      {canBeAsked(can) && (
        <details open={Object.keys(asked(query)).length > 0}>
          <summary>{words.ask}</summary>
          <Controls can={can} query={query} change={change} />
        </details>
      )}
      <div class="sides">
        <Side named="A" version={a} seed={seed} count={count} wishes={wishesOf(query, can)} />
        <Side named="B" version={b} seed={seed} count={count} wishes={wishesOf(query, can)} />
      </div>
    </section>
  );
}

function useAbilities({ model, version, dials }: Version): Can | undefined {
  const { data } = useResource(`abilities ${model} ${version}`, () => api.abilities(model, version));
  return data && canOf(data, dials);
}

interface SideProps {
  named: string;
  version: Version;
  seed: number | null;
  count: number | null;
  wishes: Wishes;
}

function Side({ named, version, seed, count, wishes }: SideProps) {
  const { model, version: number } = version;
  const seeds = seed === null || count === null ? null : JSON.stringify({ seed, count });
  const settled = useSettled(seeds, soon);
  const asked = useSettled(JSON.stringify(wishes), stays);
  const { data, problem } = useResource(settled && `drawn ${model} ${number} ${settled} ${asked}`, () =>
    api.draw(model, number, JSON.parse(settled ?? ""), JSON.parse(asked)),
  );
  const [shown, show] = useState<Drawn[]>();
  useEffect(() => {
    if (data) show(data);
  }, [data]);
  const places: (Drawn | undefined)[] = shown ?? new Array(count ?? 8).fill(undefined);
  return (
    <section aria-label={`${named}: ${version.model} v${version.version}`}>
      <h3>
        <span class="tag">{named}</span>{" "}
        <a href={address("/inference", { model: version.model, version: String(version.version) })}>
          {version.model} <span class="soft">v{version.version}</span>
        </a>
      </h3>
      <div class="stack close">
        <ProblemNote problem={problem} />
        <div class={`pairs ${seeds !== settled || asked !== JSON.stringify(wishes) || !data ? "busy" : ""}`}>
          {places.map((image, index) => (
            <figure key={index}>
              {image ? (
                <Picture src={image.url} alt={t.inference.compare.image(named, image.seed)} />
              ) : (
                <div class="picture" />
              )}
              <figcaption class="soft">{image?.seed ?? "…"}</figcaption>
            </figure>
          ))}
        </div>
      </div>
    </section>
  );
}

/** A value once it has stood still for so many milliseconds. */
function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}
