/** The stops of a walk in their order: looked at, chosen to be changed, moved, taken out, and new ones put in. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Stop, Version } from "../api/types";
import { Dialog } from "../components/Dialog";
import { Icon } from "../components/Icon";
import { Loading, Picture, ProblemNote } from "../components/pieces";
import type { Can } from "../lib/abilities";
import { Live, type LiveWish, liveUrl } from "../lib/live";
import { useResource } from "../lib/resource";
import { largestSeed, rolled, whole } from "../lib/seeds";
import { movedStop } from "../lib/stops";
import type { Wishes } from "../lib/wishes";
import { t } from "../strings";
import { stopOf } from "./inference-facts";
import { crisp } from "./inference-wall";

interface StopsProps {
  stops: Stop[];
  manner: Wishes; // how all of them are drawn
  can: Can;
  version: Version;
  selected: number | null;
  onSelect: (place: number | null) => void;
  onChange: (stops: Stop[], selected: number | null) => void;
}

export function Stops({ stops, manner, can, version, selected, onSelect, onChange }: StopsProps) {
  const words = t.inference.walk;
  const list = useRef<HTMLOListElement>(null);
  const live = useRef<Live>(undefined);
  const [choosing, choose] = useState(false);

  useEffect(() => {
    const channel = new Live(liveUrl(version.model, version.version), {
      onPicture: async (place, picture) => {
        const bitmap = await createImageBitmap(picture);
        const canvas = list.current?.querySelectorAll("canvas")[place];
        if (!canvas) return;
        canvas.width = bitmap.width;
        canvas.height = bitmap.height;
        canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      },
      onProblem: () => undefined, // the walk itself says it
    });
    live.current = channel;
    return () => channel.close();
  }, [version.model, version.version]);
  const key = JSON.stringify(stops.map((stop) => ({ ...manner, ...stop })));
  useEffect(() => live.current?.want(JSON.parse(key) as LiveWish[]), [key]);

  const add = (stop: Stop) => onChange([...stops, stop], stops.length);
  const full = stops.length >= can.stops;
  return (
    <section class="stack close" aria-label={words.stops}>
      <ol class="stops" ref={list}>
        {stops.map((stop, place) => (
          <li key={place} class={place === selected ? "chosen" : ""}>
            <button
              class="tile-picture"
              type="button"
              aria-pressed={place === selected}
              aria-label={words.change(place + 1)}
              onClick={() => onSelect(place === selected ? null : place)}
            >
              <canvas class={`picture ${crisp(version)}`} />
            </button>
            <input
              inputMode="numeric"
              aria-label={words.seedOf(place + 1)}
              value={String(stop.seed ?? 0)}
              onInput={(e) => {
                const seed = whole(e.currentTarget.value, 0, largestSeed);
                if (seed !== null)
                  onChange(
                    stops.map((one, at) => (at === place ? { ...one, seed } : one)),
                    selected,
                  );
              }}
            />
            <div class="row tools">
              <Tool
                label={words.earlier(place + 1)}
                icon="up"
                off={place === 0}
                onPress={() => onChange(movedStop(stops, place, place - 1), null)}
              />
              <Tool
                label={words.later(place + 1)}
                icon="down"
                off={place === stops.length - 1}
                onPress={() => onChange(movedStop(stops, place, place + 1), null)}
              />
              <Tool
                label={words.remove(place + 1)}
                icon="close"
                off={stops.length <= 1}
                onPress={() =>
                  onChange(
                    stops.filter((_, at) => at !== place),
                    null,
                  )
                }
              />
            </div>
          </li>
        ))}
      </ol>
      <div class="row">
        <button
          class="quiet"
          type="button"
          disabled={full}
          onClick={() => add({ ...stops.at(-1), seed: Number(rolled()) })}
        >
          <Icon name="dice" size={18} /> {words.addSeed}
        </button>
        <button class="quiet" type="button" disabled={full} onClick={() => choose(true)}>
          <Icon name="star" size={18} /> {words.addFavourite}
        </button>
        {full && <span class="small soft">{words.full(can.stops)}</span>}
      </div>
      {choosing && (
        <Favourites
          version={version}
          onClose={() => choose(false)}
          onChoose={(stop) => {
            choose(false);
            add(stop);
          }}
        />
      )}
    </section>
  );
}

interface ToolProps {
  label: string;
  icon: "up" | "down" | "close";
  off: boolean;
  onPress: () => void;
}

function Tool({ label, icon, off, onPress }: ToolProps) {
  return (
    <button class="plain square" type="button" aria-label={label} title={label} disabled={off} onClick={onPress}>
      <Icon name={icon} size={16} />
    </button>
  );
}

interface FavouritesProps {
  version: Version;
  onChoose: (stop: Stop) => void;
  onClose: () => void;
}

function Favourites({ version, onChoose, onClose }: FavouritesProps) {
  const { model, version: number } = version;
  const words = t.inference.walk;
  const read = () => api.history({ model, version: number, favourite: true, limit: 60 });
  const { data, problem } = useResource(`favourites ${model} ${number}`, read);
  return (
    <Dialog title={words.favourites} onClose={onClose}>
      <ProblemNote problem={problem} />
      {!data && !problem && <Loading />}
      {data?.items.length === 0 && <p class="empty">{words.noFavourites}</p>}
      <div class="kept-wall">
        {data?.items
          .filter(({ request }) => request !== null)
          .map((kept) => (
            <button
              class="tile-picture"
              type="button"
              key={kept.id}
              aria-label={words.take(kept.seed)}
              onClick={() => onChoose(stopOf(kept))}
            >
              <Picture src={kept.url} alt="" class={crisp(version)} />
            </button>
          ))}
      </div>
    </Dialog>
  );
}
