/** More like one image: a few steps from it towards others, by the way on which a walk leads there. */

import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Frame, Stop, Version } from "../api/types";
import { Picture, ProblemNote } from "../components/pieces";
import { useWorking } from "../lib/working";
import { t } from "../strings";
import { crisp } from "./inference-wall";

const others = 6;
const share = 0.3; // of the way to another image

export function Near({ version, stop }: { version: Version; stop: Stop }) {
  const words = t.inference.near;
  const [frames, setFrames] = useState<Frame[]>();
  const { busy, problem, work } = useWorking(`${version.model}@${version.version}`);
  const look = async () => {
    const waypoints = Array.from({ length: others }, () => [stop, { ...stop, seed: Math.floor(Math.random() * 1e6) }]);
    const at = waypoints.map((_, index) => 2 * index + share);
    const made = await work(() => api.walk(version.model, version.version, { waypoints: waypoints.flat(), at }));
    if (made) setFrames(made.items);
  };
  return (
    <section class="stack close" aria-label={words.title}>
      {typeof stop.latent !== "number" && (
        <button class="plain fit" type="button" onClick={look} aria-disabled={busy !== "no" || undefined}>
          {frames ? words.others : words.find}
        </button>
      )}
      <ProblemNote problem={problem} />
      {frames && (
        <div class="near">
          {frames.map((frame, index) => (
            <a key={frame.id} href={frame.url} target="_blank" rel="noreferrer" aria-label={words.open(index + 1)}>
              <Picture src={frame.url} alt="" class={crisp(version)} />
            </a>
          ))}
        </div>
      )}
    </section>
  );
}
