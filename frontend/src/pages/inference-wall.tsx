/** The images that were drawn. What comes over the live channel is painted over them, until they are drawn anew. */

import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Picture as Drawn, Version } from "../api/types";
import { Icon } from "../components/Icon";
import { asProblem } from "../lib/resource";
import { favourites } from "../stores/favourites";
import { t } from "../strings";

export interface WallHandle {
  show: (place: number, picture: Blob) => void;
  favour: (place: number) => void;
  columns: () => number;
}

interface WallProps {
  handle: RefObject<WallHandle | null>;
  items: Drawn[] | undefined;
  expected: number; // places before the first drawing
  version: Version;
  locked: ReadonlyMap<number, number>;
  onLock: (place: number) => void;
  settled: () => Promise<Drawn[] | undefined>; // the images, once what is painted over them is drawn as well
  onOpen: (place: number) => void;
  onProblem: (problem: Problem) => void;
}

/** Small pictures keep their pixels, rather than be blurred. */
export const crisp = ({ image }: Version) => (image.resolution <= 64 ? "crisp" : "");

export function Wall({ handle, items, expected, version, locked, onLock, settled, onOpen, onProblem }: WallProps) {
  const box = useRef<HTMLElement>(null);
  const words = t.inference.wall;
  const places: (Drawn | undefined)[] = items ?? new Array(expected).fill(undefined);
  const columns = columnsOf(places.length);

  const favour = async (place: number) => {
    const image = (await settled())?.[place];
    if (!image) return;
    const on = !favourites.value.get(image.id);
    try {
      await api.changeImage(image.id, { favourite: on });
      favourites.value = new Map(favourites.value).set(image.id, on);
    } catch (reason) {
      onProblem(asProblem(reason));
    }
  };
  handle.current = {
    show: async (place, picture) => {
      const bitmap = await createImageBitmap(picture);
      const canvas = box.current?.querySelector<HTMLCanvasElement>(`[data-place="${place}"] canvas`);
      if (!canvas) return;
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      canvas.hidden = false;
    },
    favour,
    columns: () => (box.current ? getComputedStyle(box.current).gridTemplateColumns.split(" ").length : columns),
  };

  return (
    <section
      class="wall"
      ref={box}
      style={{ "--columns": columns, "--rows": Math.ceil(places.length / columns) }}
      aria-label={words.title}
    >
      {places.map((image, place) => (
        <figure class={`tile ${locked.has(place) ? "locked" : ""}`} key={place} data-place={place}>
          <button
            class="tile-picture"
            type="button"
            disabled={!image}
            aria-label={image ? words.open(image.seed) : words.coming}
            onClick={() => onOpen(place)}
          >
            {image ? <Fresh image={image} class={crisp(version)} /> : <span class="picture" />}
            <canvas class={crisp(version)} hidden />
          </button>
          <figcaption>
            <span class="seed">{image?.seed ?? "…"}</span>
            {image && (
              <>
                <button
                  class="plain square"
                  type="button"
                  aria-pressed={locked.has(place)}
                  aria-label={words.lock(image.seed)}
                  title={words.lock(image.seed)}
                  onClick={() => onLock(place)}
                >
                  <Icon name="lock" size={16} />
                </button>
                <button
                  class="plain square optional"
                  type="button"
                  aria-pressed={favourites.value.get(image.id) ?? false}
                  aria-label={words.favourite(image.seed)}
                  title={words.favourite(image.seed)}
                  onClick={() => favour(place)}
                >
                  <Icon name="star" size={16} />
                </button>
              </>
            )}
          </figcaption>
        </figure>
      ))}
    </section>
  );
}

const mostColumns = 8;

/** As many as rows or up to twice as many, so that the last row is full where it can be. */
export function columnsOf(count: number): number {
  const root = Math.sqrt(count);
  const least = Math.min(mostColumns, Math.ceil(root));
  const most = Math.min(mostColumns, 2 * root);
  for (let columns = least; columns <= most; columns += 1) if (count % columns === 0) return columns;
  return least;
}

/** Once it is there, what was painted over its place goes. */
function Fresh({ image, class: more }: { image: Drawn; class: string }) {
  return (
    <img
      class={`picture ${more}`}
      src={image.url}
      alt={t.inference.wall.image(image.seed)}
      decoding="async"
      onLoad={({ currentTarget: { parentElement } }) =>
        parentElement?.querySelector("canvas")?.setAttribute("hidden", "")
      }
    />
  );
}

/** Which image has the focus, in itself or in one of its buttons. */
export function focusedPlace(): number | null {
  const place = document.activeElement?.closest<HTMLElement>("[data-place]")?.dataset.place;
  return place === undefined ? null : Number(place);
}

/** The focus to the image so many places on; to the first one where none has it. */
export function moveFocus(by: number) {
  const tiles = [...document.querySelectorAll<HTMLElement>("[data-place]")];
  const now = focusedPlace();
  const next = now === null ? 0 : Math.min(tiles.length - 1, Math.max(0, now + by));
  tiles[next]?.querySelector<HTMLElement>(".tile-picture")?.focus();
}
