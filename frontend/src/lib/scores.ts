/** Scores side by side: what can be compared shares a column or an axis, and what was measured alike shares a board. */

import type { Better, Metric, Score, Version } from "../api/types";
import { t } from "../strings";
import { number } from "./format";

/** The value to as many digits as its error leaves, and the error to two: "34.21" and "0.53". */
export function measured({ value, error }: { value: number; error: number | null }): [string, string | null] {
  if (!Number.isFinite(value)) return ["–", null];
  if (error === null || !(error > 0)) return [written(value, null), error === 0 ? "0" : null];
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(Number(error.toPrecision(2)))));
  return [written(value, decimals), written(error, decimals)];
}

function written(value: number, decimals: number | null): string {
  const digits =
    decimals === null
      ? { maximumSignificantDigits: 4 }
      : { minimumFractionDigits: Math.min(decimals, 20), maximumFractionDigits: Math.min(decimals, 20) };
  return new Intl.NumberFormat("en", digits).format(value).replace("-", "−");
}

/** "34.21 ± 0.53" */
export function withError(score: { value: number; error: number | null }): string {
  const [value, error] = measured(score);
  return error === null ? value : `${value} ± ${error}`;
}

export const arrows: Record<Better, string> = { lower: "↓", higher: "↑" };

export function isBetter(better: Better, value: number, than: number): boolean {
  return better === "lower" ? value < than : value > than;
}

export interface Difference {
  value: number; // of the second, less that of the first
  error: number | null;
  verdict: "first" | "second" | "level" | "unknown"; // which is better for all that the errors say
}

const certain = 1.96; // standard errors to either side, of 95 %

/** Of two scores that are comparable. Without both errors nobody can tell. */
export function difference(first: Score, second: Score): Difference {
  const value = second.value - first.value;
  if (first.error === null || second.error === null) return { value, error: null, verdict: "unknown" };
  const error = Math.hypot(first.error, second.error);
  if (Math.abs(value) <= certain * error) return { value, error, verdict: "level" };
  return { value, error, verdict: isBetter(first.better, second.value, first.value) ? "second" : "first" };
}

// ----------------------------------------------------------------------------------------------------------------- boards

export interface Column {
  comparable: string;
  metric: string;
  title: string;
  better: Better;
  apart: string; // what tells it from others of its title
}

export interface Row {
  key: string;
  subject: string;
  model: string | null; // null for sets of pictures
  version: number | null;
  truncation: number | null;
  cells: ReadonlyMap<string, Score>; // by `comparable`; the newest where it was measured again
}

export interface Board {
  key: string;
  words: string; // what all its scores share
  of: Score; // one of them
  columns: Column[];
  rows: Row[];
}

/** Scores of versions and of sets of pictures, newest first → boards, that of the newest score first. */
export function boards(scores: Score[]): Board[] {
  const final = scores.filter(({ step }) => step === null);
  const members = new Map<string, Score[]>();
  const put = (key: string, score: Score) => members.set(key, [...(members.get(key) ?? []), score]);
  const against = final.filter(({ fingerprint }) => fingerprint !== null);
  const boardOfJob = new Map<number, string>();
  for (const score of against) {
    put(circumstances(score), score);
    if (score.job !== null) boardOfJob.set(score.job, circumstances(score));
  }
  // What needs no real pictures stands beside what was measured with it, and else on a board of its own.
  for (const score of final.filter(({ fingerprint }) => fingerprint === null))
    put((score.job !== null && boardOfJob.get(score.job)) || circumstances(score), score);
  return [...members]
    .map(([key, scores]) => [key, scores.sort((a, b) => b.id - a.id)] as const)
    .sort(([, a], [, b]) => (b[0]?.id ?? 0) - (a[0]?.id ?? 0))
    .flatMap(([key, scores]) => board(key, scores) ?? [])
    .map((one, _, all) => {
      const others = all.filter(({ key, words }) => words === one.words && key !== one.key);
      return others.length > 0 ? { ...one, words: `${one.words}, ${setApart(one.of, others)}` } : one;
    });
}

/** What differs between real sets of one name: how large their pictures are, or what is in them. */
function setApart({ conventions: { resolution }, fingerprint }: Score, others: Board[]): string {
  const alike = others.some(({ of }) => of.conventions.resolution === resolution);
  return alike || resolution === undefined
    ? t.metrics.apart.content(fingerprint?.slice(0, 6) ?? "")
    : t.metrics.apart.size(String(resolution));
}

function board(key: string, scores: Score[]): Board | null {
  const of = scores.find(({ fingerprint }) => fingerprint !== null) ?? scores[0];
  if (!of) return null;
  const rows = new Map<string, Row & { cells: Map<string, Score> }>();
  const columns = new Map<string, Score>();
  for (const score of scores) {
    if (!columns.has(score.comparable)) columns.set(score.comparable, score);
    const { subject, model, version, truncation_psi: truncation } = score;
    const name = rowKey(score);
    const row = rows.get(name) ?? { key: name, subject, model, version, truncation, cells: new Map<string, Score>() };
    if (!row.cells.has(score.comparable)) row.cells.set(score.comparable, score);
    rows.set(name, row);
  }
  const firsts = [...columns.values()].sort(
    (a, b) => Number(a.fingerprint === null) - Number(b.fingerprint === null) || a.title.localeCompare(b.title, "en"),
  );
  return {
    key,
    words: circumstanceWords(of),
    of,
    columns: firsts.map((score) => column(score, firsts)),
    rows: [...rows.values()],
  };
}

const rowKey = ({ subject, truncation_psi }: Score) =>
  truncation_psi === null ? subject : `${subject} ψ ${truncation_psi}`;

/** What a distance depends on beside its metric. */
function circumstances({ fingerprint, real, split, num_real, network, num_generated }: Score): string {
  const against = fingerprint === null ? ["none"] : [real, split, num_real, fingerprint.slice(0, 8)];
  return [...against, network, num_generated].join(".");
}

export const networkTitle = (name: string) => t.metrics.networks[name] ?? name;

/** "5,000 drawn against 1,500 real pictures of digits (train), seen by EfficientNet-Lite0" */
export function circumstanceWords({ fingerprint, real, split, num_real, network, num_generated }: Score): string {
  const words = t.metrics.circumstances;
  const part = split === "all" || split === "file" ? null : split;
  const against = num_real === null ? words.statistics(real ?? "") : words.real(num_real, real ?? "", part);
  const count = number(num_generated);
  return words.seenBy(fingerprint === null ? words.alone(count) : words.against(count, against), networkTitle(network));
}

function column(score: Score, all: Score[]): Column {
  const { comparable, metric, title, better } = score;
  const others = all.filter((other) => other.title === title && other.comparable !== comparable);
  return { comparable, metric, title, better, apart: others.length > 0 ? apart(score, others) : "" };
}

/** What differs between columns of one title, in words. */
function apart(score: Score, others: Score[]): string {
  if (others.some(({ num_generated }) => num_generated !== score.num_generated))
    return t.metrics.apart.drawn(number(score.num_generated));
  const names = Object.keys(score.conventions).filter((name) =>
    others.some(({ conventions }) => JSON.stringify(conventions[name]) !== JSON.stringify(score.conventions[name])),
  );
  if (names.length > 0)
    return names.map((name) => `${name.replaceAll("_", " ")} ${score.conventions[name]}`).join(", ");
  return t.metrics.apart.network(score.network_digest.slice(0, 6));
}

/** By a column's values, the best first unless asked otherwise; rows without one come last. */
export function sorted(rows: Row[], { comparable, better }: Column, worstFirst = false): Row[] {
  const sign = (better === "lower") === worstFirst ? -1 : 1;
  const value = (row: Row) => row.cells.get(comparable)?.value;
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
    return sign * (x - y);
  });
}

/** The best of a column, and what cannot be told from it; nothing where there is nothing to compare. */
export function standing(rows: Row[], { comparable, better }: Column): Map<number, "best" | "level"> {
  const scores = rows.flatMap((row) => row.cells.get(comparable) ?? []);
  if (scores.length < 2) return new Map();
  const best = scores.reduce((a, b) => (isBetter(better, b.value, a.value) ? b : a));
  return new Map(
    scores
      .filter((score) => score === best || difference(best, score).verdict === "level")
      .map((score) => [score.id, score === best ? "best" : "level"]),
  );
}

// ---------------------------------------------------------------------------------------------------------- over training

/** One metric over the steps of runs; all of it can be drawn on one axis. */
export interface Progression {
  of: Score;
  runs: { job: number; model: string; points: Score[]; best: Score }[]; // points by step
}

/** Scores on the way, newest first → what can be drawn, that of the newest score first. */
export function progressions(scores: Score[]): Progression[] {
  const groups = new Map<string, Score[]>();
  for (const score of scores)
    if (score.step !== null && score.job !== null)
      groups.set(score.comparable, [...(groups.get(score.comparable) ?? []), score]);
  return [...groups.values()].flatMap((group) => {
    const [of] = group;
    return of
      ? [
          {
            of,
            runs: [...new Set(group.map(({ job }) => job))].map((job) => course(group.filter((s) => s.job === job))),
          },
        ]
      : [];
  });
}

function course(newestFirst: Score[]): Progression["runs"][number] {
  const steps = new Map<number, Score>();
  for (const score of newestFirst) if (!steps.has(score.step ?? 0)) steps.set(score.step ?? 0, score);
  const points = [...steps.values()].sort((a, b) => (a.step ?? 0) - (b.step ?? 0));
  const best = points.reduce((a, b) => (isBetter(b.better, b.value, a.value) ? b : a));
  return { job: best.job ?? 0, model: best.model ?? best.subject, points, best };
}

// ----------------------------------------------------------------------------------------------------------------- fitting

type Abilities = Pick<Version, "conditioning" | "options" | "dials">;

const offers: Record<string, (of: Abilities) => boolean> = {
  styles: ({ options }) => options.includes("truncation_psi"),
  classes: ({ conditioning }) => conditioning === "class",
  classifier: ({ dials }) => dials !== null,
  captions: ({ conditioning }) => conditioning === "text",
};

/** What the metric needs and the version has not, in the server's words. Whether its data set is still there, only the server knows. */
export function lacks(metric: Metric, of: Abilities): string | null {
  return metric.needs.find(({ name }) => offers[name]?.(of) === false)?.words ?? null;
}

/** What a metric is called through a network. */
export function titleThrough(metric: Metric, network: string): string {
  return metric.titles.find((title) => title.network === network)?.title ?? metric.name;
}

/** What to do about weights that these metrics need and that are not here, each said once. */
export function missing(metrics: Metric[], network: string): string[] {
  return [
    ...new Set(metrics.flatMap(({ titles }) => titles.find((title) => title.network === network)?.missing ?? [])),
  ];
}

/** What is measured by unless somebody chooses. */
export const usualMetrics = ["fid", "kid", "precision", "recall"];

/** The usual ones, then the others by name. */
export function usualFirst(metrics: Metric[]): Metric[] {
  const rank = ({ name }: Metric) => (usualMetrics.indexOf(name) + usualMetrics.length + 1) % (usualMetrics.length + 1);
  return [...metrics].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, "en"));
}
