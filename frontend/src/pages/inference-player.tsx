/** Plays the frames of a walk, forwards for ever, or shows the one that is looked for. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Frame, Version, WalkMade } from "../api/types";
import { Icon } from "../components/Icon";
import { useShortcuts } from "../lib/shortcuts";
import { t } from "../strings";
import { crisp } from "./inference-wall";

interface PlayerProps {
  made: WalkMade | undefined;
  fps: number;
  version: Version;
}

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function Player({ made, fps, version }: PlayerProps) {
  const words = t.inference.walk;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [playing, play] = useState(() => !still());
  const [place, setPlace] = useState(0);
  const pictures = usePictures(made?.items);
  const count = pictures?.length ?? 0;
  const at = count > 0 ? place % count : 0;

  useEffect(() => {
    const picture = pictures?.[at];
    const sheet = canvas.current;
    if (!picture || !sheet) return;
    if (sheet.width !== picture.naturalWidth) {
      sheet.width = picture.naturalWidth;
      sheet.height = picture.naturalHeight;
    }
    sheet.getContext("2d")?.drawImage(picture, 0, 0);
  }, [pictures, at]);

  useEffect(() => {
    if (!playing || count < 2) return;
    const timer = setInterval(() => setPlace((now) => (now + 1) % count), 1000 / Math.max(1, fps));
    return () => clearInterval(timer);
  }, [playing, count, fps]);

  const step = (by: number) => () => {
    play(false);
    setPlace((now) => (now + by + count) % Math.max(1, count));
  };
  useShortcuts({ " ": () => play(!playing), ArrowLeft: step(-1), ArrowRight: step(1) });
  const frame = made?.items[at];
  return (
    <figure class="player">
      <canvas
        ref={canvas}
        class={`picture ${crisp(version)}`}
        role="img"
        aria-label={frame ? words.frame(at + 1, count) : words.coming}
      />
      <figcaption class="row">
        <button
          class="quiet square"
          type="button"
          disabled={count < 2}
          onClick={() => play(!playing)}
          aria-label={playing ? words.pause : words.play}
        >
          <Icon name={playing ? "pause" : "play"} />
        </button>
        <input
          type="range"
          class="grow"
          min={0}
          max={Math.max(1, count - 1)}
          value={at}
          disabled={count < 2}
          aria-label={words.scrub}
          aria-valuetext={words.frame(at + 1, count)}
          onInput={(e) => {
            play(false);
            setPlace(e.currentTarget.valueAsNumber);
          }}
        />
        {count > 0 && <span class="small soft">{words.position(at + 1, count)}</span>}
      </figcaption>
    </figure>
  );
}

/** All frames, once they are here. The ones before stay until then, so that nothing flickers while a slider moves. */
function usePictures(frames: Frame[] | undefined): HTMLImageElement[] | undefined {
  const [pictures, setPictures] = useState<HTMLImageElement[]>();
  useEffect(() => {
    if (!frames) return;
    let current = true;
    const loading = frames.map(async ({ url }) => {
      const picture = new Image();
      picture.src = url;
      await picture.decode();
      return picture;
    });
    Promise.all(loading).then(
      (all) => current && setPictures(all),
      () => undefined, // a frame did not come; the next walk brings others
    );
    return () => {
      current = false;
    };
  }, [frames]);
  return pictures;
}
