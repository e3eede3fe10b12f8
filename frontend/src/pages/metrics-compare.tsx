/** Two versions beside each other: what they draw from the same seeds, and how their scores differ. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Picture as Drawn, Model, Score, Version } from "../api/types";
import { Icon } from "../components/Icon";
import { Loading, Picture, ProblemNote } from "../components/pieces";
import { type Can, canBeAsked, canOf, nothing, shared } from "../lib/abilities";
import { nextOfKin } from "../lib/models";
import { useResource } from "../lib/resource";
import { arrows, circumstanceWords, difference, measured, withError } from "../lib/scores";
import { address, useQuery } from "../lib/url";
import { asked, type Wishes, wishesOf } from "../lib/wishes";
import { evaluationsOf, jobs } from "../stores/jobs";
import { t } from "../strings";
import { Controls } from "./inference-controls";
import { useVersion, VersionFields } from "./metrics-version";

const words = t.metrics.versus;
const most = 32; // images of each
const largestSeed = 2 ** 31 - 1;

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
            onClick={() => change({ seed: String(Math.floor(Math.random() * 1_000_000)) })}
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
  const wanted =
    seed === null || count === null ? null : JSON.stringify([version.model, version.version, seed, count, wishes]);
  const settled = useSettled(wanted);
  const { data, problem } = useResource(settled && `drawn ${settled}`, async () => {
    const [model, number, first, many, asked] = JSON.parse(settled ?? "") as [string, number, number, number, Wishes];
    return api.draw(model, number, { seed: first, count: many }, asked);
  });
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
        <div class={`pairs ${wanted !== settled || !data ? "busy" : ""}`}>
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

/** A value once it has stood still for a moment, so that not every key that is pressed draws. */
function useSettled<T>(value: T): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), 250);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function Differences({ a, b }: { a: Version; b: Version }) {
  const ofA = useScores(a);
  const ofB = useScores(b);
  const problem = ofA.problem ?? ofB.problem;
  if (problem) return <ProblemNote problem={problem} />;
  if (!ofA.data || !ofB.data) return null;
  const both = ofA.data.flatMap((score): [Score, Score][] => {
    const other = ofB.data?.find(({ comparable }) => comparable === score.comparable);
    return other ? [[score, other]] : [];
  });
  both.sort(([a], [b]) => a.title.localeCompare(b.title, "en"));
  const alone = (scores: Score[]) =>
    scores.filter(({ comparable }) => !both.some(([score]) => score.comparable === comparable));
  return (
    <section class="stack" aria-labelledby="differences">
      <h2 id="differences">{words.scores}</h2>
      {both.length > 0 ? (
        <table class="board">
          <thead>
            <tr>
              <th scope="col">{words.alike}</th>
              <th scope="col">A</th>
              <th scope="col">B</th>
              <th scope="col">{words.difference}</th>
              <th scope="col">{words.verdict}</th>
            </tr>
          </thead>
          <tbody>
            {both.map(([first, second]) => (
              <Compared key={first.comparable} first={first} second={second} />
            ))}
          </tbody>
        </table>
      ) : (
        <p class="empty">{words.nothing}</p>
      )}
      <Alone named="A" scores={alone(ofA.data)} other={b} otherNamed="B" />
      <Alone named="B" scores={alone(ofB.data)} other={a} otherNamed="A" />
      {ofA.data.length + ofB.data.length === 0 && (
        <div class="row">
          <a class="button quiet" href={address("/metrics", { measure: `${a.model}@${a.version}` })}>
            {words.measure("A")}
          </a>
          <a class="button quiet" href={address("/metrics", { measure: `${b.model}@${b.version}` })}>
            {words.measure("B")}
          </a>
        </div>
      )}
    </section>
  );
}

function Compared({ first, second }: { first: Score; second: Score }) {
  const found = difference(first, second);
  const [value, error] = measured(found);
  return (
    <tr>
      <th scope="row">
        <span class="stack tight">
          <span>{first.title}</span>
          <span class="small soft">
            {arrows[first.better]} {t.metrics.better[first.better]}. {circumstanceWords(first)}
          </span>
        </span>
      </th>
      <td>
        <span class="name">A</span> {withError(first)}
      </td>
      <td>
        <span class="name">B</span> {withError(second)}
      </td>
      <td>
        <span class="name">{words.difference}</span> {found.value > 0 && "+"}
        {value}
        {error !== null && ` ± ${error}`}
      </td>
      <td>
        <span class={`tag ${found.verdict === "first" || found.verdict === "second" ? "best" : ""}`}>
          {words.verdicts[found.verdict]}
        </span>
      </td>
    </tr>
  );
}

interface AloneProps {
  named: string;
  scores: Score[];
  other: Version;
  otherNamed: string;
}

/** What only one of both was measured by, and the way to measure the other alike. */
function Alone({ named, scores, other, otherNamed }: AloneProps) {
  const [of] = scores;
  if (!of) return null;
  const alike = scores.filter(({ job }) => job === of.job);
  const metrics = [...new Set(alike.map(({ metric }) => metric))];
  const network = alike.find(({ network }) => network !== "vgg16")?.network ?? "inception";
  const way = address("/metrics", {
    measure: `${other.model}@${other.version}`,
    "m.metrics": metrics.join(","),
    "m.images": String(of.num_generated),
    "m.network": network,
    "m.real": of.num_real === null ? undefined : String(of.num_real),
    "m.seed": of.seed === 0 ? undefined : String(of.seed),
  });
  return (
    <p class="small soft">
      {words.alone(named, scores.map((score) => `${score.title} (${withError(score)})`).join(", "))}
      <a href={way}>{words.measureAlike(otherNamed)}</a>
    </p>
  );
}

/** The newest of each kind; those without truncation first. */
function useScores({ model, version }: Version) {
  const read = useResource(`scores ${model} ${version}`, () => api.scores({ model, version, on_the_way: false }));
  const { reload } = read;
  const found = evaluationsOf(jobs.value).reduce((sum, { evaluation }) => sum + evaluation.scores.length, 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: an evaluation that has found something has kept it
  useEffect(reload, [found]);
  const kept = new Map<string, Score>();
  const ordered = [...(read.data ?? [])].sort(
    (a, b) => Number(a.truncation_psi !== null) - Number(b.truncation_psi !== null),
  );
  for (const score of ordered) if (!kept.has(score.comparable)) kept.set(score.comparable, score);
  return { data: read.data && [...kept.values()], problem: read.problem };
}

function whole(text: string, least: number, most: number): number | null {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : null;
}
