/** Previews through time: the same latents, drawn again and again while the generator learns; or one picture as it gets better. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Preview } from "../api/types";
import { number } from "../lib/format";
import { t } from "../strings";
import { Icon } from "./Icon";
import { Picture } from "./pieces";

const frameSeconds = 0.2;

interface ScrubberProps {
  previews: Preview[];
  waiting: string; // what is said before the first
  what?: string;
  at?: number | undefined; // the step that is looked at in the beginning; without one, always the newest
  onAt?: (step: number | undefined) => void; // where somebody came to rest
  children?: (preview: Preview | undefined) => ComponentChildren; // how one is shown, where it is not by itself
}

export function Scrubber({ previews, waiting, what = t.scrubber.samples, at, onAt, children }: ScrubberProps) {
  const [chosen, choose] = useState<number | undefined>(at); // a step; undefined follows the newest
  const [playing, play] = useState(false);
  const last = previews.length - 1;
  const found = chosen === undefined ? last : previews.findLastIndex(({ step }) => step <= chosen);
  const index = last < 0 ? -1 : Math.max(found, 0);
  const preview = previews[index];

  useEffect(() => {
    for (const neighbour of [previews[index - 1], previews[index + 1]]) if (neighbour) new Image().src = neighbour.url;
  }, [previews, index]);

  const stepAt = (place: number) => (place >= last ? undefined : previews[place]?.step);
  const rest = (step: number | undefined) => {
    choose(step);
    onAt?.(step);
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: a frame follows its place, whatever came meanwhile
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => {
      if (index >= last - 1) play(false);
      choose(stepAt(index + 1));
    }, frameSeconds * 1000);
    return () => clearTimeout(timer);
  }, [playing, index, last]);

  const press = () => {
    if (playing) rest(chosen);
    else if (index >= last) choose(previews[0]?.step);
    play(!playing);
  };
  return (
    <figure class="frame">
      <div class="mat">
        {children ? (
          children(preview)
        ) : preview ? (
          <Picture src={preview.url} alt={t.scrubber.after(what, number(preview.step))} />
        ) : (
          <div class="picture" />
        )}
      </div>
      <figcaption>
        <span>{preview ? t.scrubber.at(what, number(preview.step)) : waiting}</span>
        {index < last && !playing && (
          <button class="plain" type="button" onClick={() => rest(undefined)}>
            {t.scrubber.newest}
          </button>
        )}
      </figcaption>
      <div class="scrub">
        <button
          class="quiet square"
          type="button"
          disabled={last < 1}
          aria-label={playing ? t.scrubber.pause : t.scrubber.play}
          title={playing ? t.scrubber.pause : t.scrubber.play}
          onClick={press}
        >
          <Icon name={playing ? "pause" : "play"} size={18} />
        </button>
        <input
          type="range"
          min={0}
          max={Math.max(last, 1)}
          value={Math.max(index, 0)}
          disabled={last < 1}
          aria-label={t.scrubber.time}
          aria-valuetext={preview ? t.scrubber.step(number(preview.step)) : undefined}
          onInput={(e) => {
            play(false);
            choose(stepAt(e.currentTarget.valueAsNumber));
          }}
          onChange={(e) => onAt?.(stepAt(e.currentTarget.valueAsNumber))}
        />
      </div>
    </figure>
  );
}
