/** A score with all that it depends on. */

import type { Score } from "../api/types";
import { number, title } from "../lib/format";
import { arrows, circumstanceWords, networkTitle, withError } from "../lib/scores";
import { t } from "../strings";

export function ScoreRecord({ score, onClose }: { score: Score; onClose: () => void }) {
  const { error_by, ...details } = score.details;
  const facts: [string, string | null][] = [
    [
      t.score.facts.error,
      score.error === null
        ? t.score.untold
        : error_by
          ? t.score.errorBy(number(score.error), written(error_by))
          : number(score.error),
    ],
    [t.score.facts.interval, score.interval?.map(number).join(t.score.to) ?? null],
    [t.score.facts.drawn, number(score.num_generated)],
    [t.score.facts.real, score.num_real === null ? null : number(score.num_real)],
    [t.score.facts.set, score.real],
    [t.score.facts.split, score.split],
    [t.score.facts.fingerprint, score.fingerprint?.slice(0, 16) ?? null],
    [t.score.facts.network, networkTitle(score.network)],
    [t.score.facts.weights, score.network_digest.slice(0, 16)],
    [t.score.facts.generator, score.averaged === null ? null : score.averaged ? t.score.averaged : t.score.last],
    [t.score.facts.truncation, score.truncation_psi === null ? t.score.none : number(score.truncation_psi)],
    [t.score.facts.seed, String(score.seed)],
    ...named(score.conventions),
    ...named(details),
    ...named(score.code),
    [t.score.facts.comparable, score.comparable.slice(0, 16)],
    [
      t.score.facts.measured,
      new Date(score.created_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" }),
    ],
  ];
  return (
    <div class="stack close">
      <div class="row apart">
        <div class="stack tight">
          <h3>{t.score.of(score.title, score.subject, withError(score))}</h3>
          <p class="small soft">
            {arrows[score.better]} {t.metrics.better[score.better]}. {circumstanceWords(score)}
          </p>
        </div>
        <div class="row">
          <a class="small" href={`/api/v1/scores/${score.id}`} target="_blank" rel="noreferrer">
            {t.score.json}
          </a>
          <button class="quiet" type="button" onClick={onClose}>
            {t.common.close}
          </button>
        </div>
      </div>
      <p class="small resize">{t.score.resized(score.resize)}</p>
      <dl class="settings">
        {facts.map(([name, value]) =>
          value === null || value === "" ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
    </div>
  );
}

function named(values: Record<string, unknown>): [string, string][] {
  return Object.entries(values).map(([name, value]) => [title(name), written(value)]);
}

function written(value: unknown): string {
  if (typeof value === "number") return number(value);
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.map(written).join(", ");
  if (typeof value === "object")
    return Object.entries(value)
      .map(([name, part]) => `${name} ${written(part)}`)
      .join(", ");
  return String(value);
}
