/** Reads the recipe back from a picture's file that is dropped, and leads to where it is drawn again. */

import { useState } from "preact/hooks";
import { api } from "../api/client";
import { fieldErrors } from "../api/problem";
import type { Inspection, Version } from "../api/types";
import { PictureDrop } from "../components/PictureDrop";
import type { Can } from "../lib/abilities";
import { asProblem } from "../lib/resource";
import { address, type Query } from "../lib/url";
import { queryOf, type Wishes } from "../lib/wishes";
import { t } from "../strings";
import { AsCode } from "./inference-code";

export function Inspect({ can, version }: { can: Can; version: Version }) {
  const words = t.inference.inspect;
  const [told, setTold] = useState<Inspection>();
  const [name, setName] = useState<string | null>(null);
  const [error, setError] = useState("");
  const take = async ([file]: File[]) => {
    if (!file) return;
    setName(file.name);
    setError("");
    setTold(undefined);
    try {
      setTold(await api.inspect(file));
    } catch (reason) {
      const problem = asProblem(reason);
      setError(fieldErrors(problem).file ?? (problem.detail || problem.title));
    }
    setName(null);
  };
  return (
    <section class="panel stack" aria-label={words.title}>
      <h2>{words.title}</h2>
      <PictureDrop
        label={words.title}
        invitation={words.invitation}
        help={words.help}
        delivery={{ name, share: 1, error, take, stop: () => setName(null) }}
        error={undefined}
      />
      {told && (
        <div class="stack close" role="status">
          <p>{words.found(told.versions.join(", "), told.seeds.length)}</p>
          {told.unavailable && <p class="note mild">{told.unavailable}</p>}
          {told.request && (
            <>
              <Again told={told} can={can} version={version} />
              <AsCode recipe={told.request} file="again.png" />
            </>
          )}
        </div>
      )}
    </section>
  );
}

/** A link to the mode that draws it. */
function Again({ told, can, version }: { told: Inspection; can: Can; version: Version }) {
  const query = addressOf(told, can, version);
  return query ? (
    <a class="button fit" href={address("/inference", query)}>
      {t.inference.inspect.again}
    </a>
  ) : null;
}

function addressOf({ request, versions }: Inspection, can: Can, version: Version): Query | null {
  const [model, number] = (versions[0] ?? "").split("@");
  if (!request || !model || !number) return null;
  const body = request.body as Wishes & Record<string, unknown>;
  const here = { model, version: number };
  if (Array.isArray(body.waypoints))
    return {
      ...here,
      mode: "walk",
      stops: JSON.stringify(body.waypoints),
      ...kept(body, ["frames", "easing", "loop"]),
    };
  if (Array.isArray(body.rows) || Array.isArray(body.versions)) return null;
  // Another version's own names are known once it is opened; what this one can say of them is not.
  const wishes = model === version.model && Number(number) === version.version ? queryOf(body, can) : null;
  const seeds = Array.isArray(body.seeds) ? (body.seeds as number[]) : [Number(body.seed ?? 0)];
  const follows = seeds.every((seed, index) => seed === (seeds[0] ?? 0) + index);
  const locked: Query = follows ? {} : { locked: seeds.map((seed, index) => `${index}:${seed}`).join(",") };
  return wishes && { ...here, mode: "draw", ...wishes, seed: String(seeds[0]), count: String(seeds.length), ...locked };
}

function kept(body: Record<string, unknown>, names: string[]): Query {
  return Object.fromEntries(names.filter((name) => body[name] !== undefined).map((name) => [name, String(body[name])]));
}
