/** Previews through time: the same latents, drawn again and again while the generator learns; or one picture as it gets better. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Preview } from "../api/types";
import { number } from "../lib/format";
import { Picture } from "./pieces";

interface ScrubberProps {
  previews: Preview[];
  waiting: string; // what is said before the first
  what?: string;
  children?: (preview: Preview | undefined) => ComponentChildren; // how one is shown, where it is not by itself
}

export function Scrubber({ previews, waiting, what = "Samples", children }: ScrubberProps) {
  const [chosen, choose] = useState<number | null>(null); // null follows the newest
  const last = previews.length - 1;
  const index = Math.min(chosen ?? last, last);
  const preview = previews[index];

  useEffect(() => {
    for (const neighbour of [previews[index - 1], previews[index + 1]]) if (neighbour) new Image().src = neighbour.url;
  }, [previews, index]);

  return (
    <figure class="frame">
      <div class="mat">
        {children ? (
          children(preview)
        ) : preview ? (
          <Picture src={preview.url} alt={`${what} after ${number(preview.step)} steps`} />
        ) : (
          <div class="picture" />
        )}
      </div>
      <figcaption>
        <span>{preview ? `${what} at step ${number(preview.step)}` : waiting}</span>
        {chosen !== null && index < last && (
          <button class="plain" type="button" onClick={() => choose(null)}>
            To the newest
          </button>
        )}
      </figcaption>
      <input
        type="range"
        min={0}
        max={Math.max(last, 1)}
        value={Math.max(index, 0)}
        disabled={last < 1}
        aria-label="Preview through time"
        aria-valuetext={preview ? `step ${preview.step}` : undefined}
        onInput={(e) => choose(e.currentTarget.valueAsNumber >= last ? null : e.currentTarget.valueAsNumber)}
      />
    </figure>
  );
}
