/** A score with all that it depends on. */

import type { Score } from "../api/types";
import { number, title } from "../lib/format";
import { arrows, betterWords, circumstanceWords, networkWords, withError } from "../lib/scores";

export function ScoreRecord({ score, onClose }: { score: Score; onClose: () => void }) {
  const { error_by, ...details } = score.details;
  const facts: [string, string | null][] = [
    [
      "Standard error",
      score.error === null ? "can't be told" : `${number(score.error)}${error_by ? `, by ${written(error_by)}` : ""}`,
    ],
    ["95 % interval", score.interval?.map(number).join(" to ") ?? null],
    ["Pictures drawn", number(score.num_generated)],
    ["Real pictures", score.num_real === null ? null : number(score.num_real)],
    ["Real set", score.real],
    ["Part of it", score.split],
    ["Its fingerprint", score.fingerprint?.slice(0, 16) ?? null],
    ["Network", networkWords[score.network] ?? score.network],
    ["Its weights", score.network_digest.slice(0, 16)],
    ["Generator", score.averaged === null ? null : score.averaged ? "averaged (EMA)" : "as trained last"],
    ["Truncation ψ", score.truncation_psi === null ? "none" : number(score.truncation_psi)],
    ["Seed", String(score.seed)],
    ...named(score.conventions),
    ...named(details),
    ...named(score.code),
    ["Comparable with", score.comparable.slice(0, 16)],
    ["Measured", new Date(score.created_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" })],
  ];
  return (
    <div class="stack close">
      <div class="row apart">
        <div class="stack tight">
          <h3>
            {score.title} of {score.subject}: {withError(score)}
          </h3>
          <p class="small soft">
            {arrows[score.better]} {betterWords[score.better]}. {circumstanceWords(score)}
          </p>
        </div>
        <div class="row">
          <a class="small" href={`/api/v1/scores/${score.id}`} target="_blank" rel="noreferrer">
            JSON
          </a>
          <button class="quiet" type="button" onClick={onClose}>
            Close
          </button>
        </div>
      </div>
      <p class="small resize">Resized by {score.resize}</p>
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
