/** A walk as a film, as its frames in a zip, or side by side: whatever the version's schema offers. */

import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Version, WalkBody } from "../api/types";
import { Icon } from "../components/Icon";
import { ProblemNote } from "../components/pieces";
import { asProblem, useResource } from "../lib/resource";
import type { Field } from "../lib/schema";
import { t } from "../strings";

const types: Record<string, string> = {
  gif: "image/gif",
  webp: "image/webp",
  apng: "image/apng",
  mp4: "video/mp4",
  zip: "application/zip",
  png: "image/png",
};

/** By which of the server's optional parts a kind is made. */
const needed: Record<string, string> = { mp4: "video" };

const nameOf = (kind: string) => t.inference.walk.kinds[kind] ?? kind.toUpperCase();

interface ExportsProps {
  body: WalkBody;
  fields: Field[];
  version: Version;
}

export function Exports({ body, fields, version: { model, version } }: ExportsProps) {
  const words = t.inference.walk;
  const [making, make] = useState<string>();
  const [problem, setProblem] = useState<Problem | null>(null);
  const parts = useResource("parts", api.parts).data;
  const films = fields.find(({ name }) => name === "format")?.choices.map(String) ?? [];
  const lacking = films.flatMap((kind) => {
    const part = parts?.find(({ name, here }) => name === needed[kind] && !here);
    return part ? [{ kind, part }] : [];
  });
  const save = async (kind: string) => {
    make(kind);
    setProblem(null);
    try {
      const blob = await api.walkFile(model, version, body, types[kind] ?? "application/zip");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${model}-v${version}-walk.${kind === "apng" ? "png" : kind}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (reason) {
      setProblem(asProblem(reason));
    }
    make(undefined);
  };
  return (
    <section class="stack close" aria-label={words.exports}>
      <div class="row">
        <span class="small soft">{words.exports}</span>
        {[...films, "zip", "png"].map((kind) => {
          const off = making !== undefined || lacking.some((one) => one.kind === kind);
          return (
            <button
              key={kind}
              class="quiet"
              type="button"
              aria-disabled={off || undefined}
              aria-describedby={lacking.some((one) => one.kind === kind) ? `lacks-${kind}` : undefined}
              onClick={() => !off && save(kind)}
            >
              <Icon name="save" size={16} /> {making === kind ? words.making : nameOf(kind)}
            </button>
          );
        })}
      </div>
      {lacking.map(({ kind, part }) => (
        <p class="small soft" key={kind} id={`lacks-${kind}`}>
          {words.lacks(nameOf(kind), part.title)} <code>{part.command}</code>
        </p>
      ))}
      <ProblemNote problem={problem} />
    </section>
  );
}
