/** Deleted versions: back with one button, or gone for good after a second thought. */

import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Binned } from "../api/types";
import { Picture, ProblemNote, useNow } from "../components/pieces";
import { ago, ahead, bytes } from "../lib/format";
import { asProblem } from "../lib/resource";
import { changed } from "../stores/models";
import { settle, toast } from "../stores/toasts";
import { t } from "../strings";
import { nameOf } from "./models-pieces";

export function Bin({ versions, problem }: { versions: Binned[] | undefined; problem: Problem | null }) {
  const words = t.bin;
  const now = useNow(30);
  const [asking, ask] = useState(false);
  const [refused, setRefused] = useState<Problem | null>(null);
  const attempt = async (deed: () => Promise<unknown>, said: string) => {
    try {
      await deed();
      setRefused(null);
      ask(false);
      changed();
      toast(said);
    } catch (reason) {
      setRefused(asProblem(reason));
    }
  };
  const empty = async () => {
    await api.emptyBin();
    settle();
  };
  const size = bytes((versions ?? []).reduce((sum, version) => sum + version.bytes, 0));
  return (
    <section class="panel stack" aria-labelledby="bin">
      <div class="row apart">
        <h2 id="bin">{words.title}</h2>
        {versions && versions.length > 0 && !asking && (
          <button class="plain" type="button" onClick={() => ask(true)}>
            {words.emptyIt}
          </button>
        )}
      </div>
      <ProblemNote problem={refused ?? problem} />
      {asking && versions && (
        <div class="note" role="alert">
          <span>{words.sure(versions.length, size)}</span>
          <div class="row">
            <button class="danger" type="button" onClick={() => attempt(empty, words.emptied)}>
              {words.confirm}
            </button>
            <button class="quiet" type="button" onClick={() => ask(false)}>
              {words.keep}
            </button>
          </div>
        </div>
      )}
      {versions?.length === 0 ? (
        <p class="soft">{words.empty}</p>
      ) : (
        <>
          <p class="soft small">{words.lead}</p>
          <ul class="binned">
            {versions?.map((version) => (
              <li key={nameOf(version)}>
                <Picture src={version.samples_url} alt="" />
                <span class="stack tight">
                  <strong>{nameOf(version)}</strong>
                  <span class="small soft">
                    {t.models.on(version.architecture, version.dataset)}, {bytes(version.bytes)},{" "}
                    {words.until(ago(version.deleted_at, now))}, {words.purged(ahead(version.purge_at, now))}
                  </span>
                </span>
                <button
                  class="quiet"
                  type="button"
                  aria-label={`${words.restore} ${nameOf(version)}`}
                  onClick={() =>
                    attempt(() => api.restoreVersion(version.model, version.version), words.restored(nameOf(version)))
                  }
                >
                  {words.restore}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
