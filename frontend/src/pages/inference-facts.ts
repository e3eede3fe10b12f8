/** What drew a picture, in words, and as a stop of a walk. */

import type { Kept, Stop } from "../api/types";
import { number, title } from "../lib/format";
import { t } from "../strings";

const untold = ["model", "version", "seed", "format", "layout", "count", "seeds", "classifier"];

/** Each wish with its name; digests and what every picture has are left out. */
export function factsOf(kept: Kept): [string, string][] {
  const facts = t.inference.facts;
  const wishes = Object.entries(kept.parameters).filter(
    ([name]) => !untold.includes(name) && !name.endsWith("_digest"),
  );
  return [
    [facts.version, `${kept.model}@${kept.version}`],
    [facts.seed, String(kept.seed)],
    [facts.size, `${kept.width} × ${kept.height}`],
    ...wishes.map(([name, value]): [string, string] => [facts.known[name] ?? title(name), told(value)]),
  ];
}

function told(value: unknown): string {
  if (Array.isArray(value)) return t.inference.facts.numbers(value.length);
  if (typeof value === "number") return number(value);
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return t.inference.classes.none;
  return entries.map(([name, amount]) => (amount === 1 ? name : `${name} ${told(amount)}`)).join(", ");
}

const ofSubject = [
  "prompt",
  "negative_prompt",
  "prompt_weights",
  "class_index",
  "class_weights",
  "attributes",
  "latent",
  "directions",
  "seed",
];

/** What of an image's request a walk takes as one of its stops; how images are drawn is said once for all of it. */
export function stopOf({ request, seed }: Pick<Kept, "request" | "seed">): Stop {
  const body = Object.entries(request?.body ?? { seed }).filter(([name]) => ofSubject.includes(name));
  return Object.fromEntries(body) as Stop;
}
