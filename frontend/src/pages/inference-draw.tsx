/** Draws images: what is moved is seen at once over the live channel, and drawn for good, into the history, when it stays. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Picture } from "../api/types";
import { Icon } from "../components/Icon";
import { ProblemNote } from "../components/pieces";
import { Live, liveUrl } from "../lib/live";
import { stays, useRest } from "../lib/rest";
import { largestSeed, rolled, seedBody, seedsOf, withLock } from "../lib/seeds";
import { useShortcuts } from "../lib/shortcuts";
import { moved, promptsOf, wishesOf } from "../lib/wishes";
import { useWorking } from "../lib/working";
import { t } from "../strings";
import { Controls } from "./inference-controls";
import { Directions } from "./inference-directions";
import { Discovery } from "./inference-discovery";
import { BusyNote, Easel, type ModeProps } from "./inference-mode";
import { PictureDialog } from "./inference-picture";
import { Readings } from "./inference-readings";
import { focusedPlace, moveFocus, Wall, type WallHandle } from "./inference-wall";

const usual = 12; // images
const most = 16; // that are drawn while something moves
const soon = 350; // milliseconds after other seeds were asked for, of which some may not be seen yet

export function Draw({ version, can, query, change, reload }: ModeProps) {
  const { model, version: number } = version;
  const words = t.inference.draw;
  const alone = query.latent !== undefined && can.latent; // every seed draws the same of a latent
  const seeds = seedsOf(query, alone ? 1 : usual, can.most);
  const valid = "all" in seeds ? seeds : null;
  const wishes = wishesOf(query, can);
  const [items, setItems] = useState<Picture[]>();
  const [asked, setAsked] = useState(query);
  const [opened, open] = useState<number | null>(null);
  const { busy, problem, setProblem, work } = useWorking(`${model}@${number}`);
  const wall = useRef<WallHandle>(null);
  const live = useRef<Live>(undefined);

  useEffect(() => {
    const channel = new Live(liveUrl(model, number), {
      onPicture: (place, picture) => wall.current?.show(place, picture),
      onProblem: () => undefined, // what is drawn for good afterwards says it
    });
    live.current = channel;
    return () => channel.close();
  }, [model, number]);

  const draw = async () => {
    if (!valid) return;
    callOff();
    drawnSeeds.current = seedText;
    if (query.seed === undefined) change({ seed: String(valid.first) });
    const drawn = await work(() => api.draw(model, number, seedBody(valid), wishes));
    if (!drawn) return;
    live.current?.drop();
    setItems(drawn);
    setAsked(query);
    return drawn;
  };
  /** What is seen, drawn for good: what is opened or kept must not be the pictures of before. */
  const settled = async () => (callOff() ? draw() : items);

  // What is written is drawn when somebody says so; all else is seen while it moves, and drawn when it rests.
  const seedText = valid && JSON.stringify(seedBody(valid));
  const drawnSeeds = useRef<string | null>(null);
  const moves = valid && JSON.stringify([moved(wishes), seedText]);
  const callOff = useRest(moves, seedText === drawnSeeds.current ? stays : soon, draw);
  // biome-ignore lint/correctness/useExhaustiveDependencies: these decide what is seen
  useEffect(() => {
    if (valid && drawnSeeds.current !== null)
      live.current?.want(valid.all.slice(0, most).map((seed) => ({ ...wishes, seed })));
  }, [moves]);

  const lock = (place: number) =>
    valid && change(withLock(query, place, valid.locked.has(place) ? undefined : valid.all[place]));
  const favour = (place: number) => wall.current?.favour(place);
  const dice = () => change({ seed: rolled() });
  const ofFocused = (act: (place: number) => void) => () => {
    const place = focusedPlace();
    if (place !== null) act(place);
  };
  const step = (by: number) => () => moveFocus(by);
  useShortcuts({
    " ": draw,
    Enter: draw,
    d: dice,
    l: ofFocused(lock),
    f: ofFocused(favour),
    ArrowLeft: step(-1),
    ArrowRight: step(1),
    ArrowUp: () => moveFocus(-(wall.current?.columns() ?? 1)),
    ArrowDown: () => moveFocus(wall.current?.columns() ?? 1),
  });

  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        draw();
      }}
    >
      <Easel
        controls={
          <Controls can={can} query={query} change={change}>
            {can.directions.length > 0 && (
              <Directions version={version} can={can} query={query} change={change} reload={reload} />
            )}
            <Discovery version={version} can={can} onFound={reload} />
          </Controls>
        }
      >
        <div class="draw-bar">
          <div class="field">
            <label class="field-label" for="seed">
              {words.seed}
            </label>
            <div class="with-button">
              <input
                id="seed"
                inputMode="numeric"
                autocomplete="off"
                value={query.seed ?? "0"}
                aria-invalid={("first" in seeds && seeds.first === null) || undefined}
                onInput={(e) => change({ seed: e.currentTarget.value })}
              />
              <button class="quiet square" type="button" onClick={dice} aria-label={words.roll} title={words.roll}>
                <Icon name="dice" />
              </button>
            </div>
          </div>
          <label class="field">
            <span class="field-label">{words.count}</span>
            <input
              inputMode="numeric"
              autocomplete="off"
              value={query.count ?? String(alone ? 1 : usual)}
              aria-invalid={("count" in seeds && seeds.count === null) || undefined}
              onInput={(e) => change({ count: e.currentTarget.value })}
            />
          </label>
          <button type="submit" disabled={!valid}>
            {words.draw}
          </button>
          {valid && valid.locked.size > 0 && (
            <button class="plain" type="button" onClick={() => change({ locked: undefined })}>
              {words.unlock(valid.locked.size)}
            </button>
          )}
          <BusyNote busy={busy} done={items ? words.drawn(items.length) : ""} />
        </div>
        {!valid && (
          <p class="field-error" role="alert">
            {seeds.first === null ? words.badSeed(largestSeed) : words.badCount(can.most)}
          </p>
        )}
        <ProblemNote problem={problem} />
        <Wall
          handle={wall}
          items={items}
          expected={valid?.count ?? usual}
          version={version}
          locked={valid?.locked ?? new Map()}
          onLock={lock}
          settled={settled}
          onOpen={async (place) => (await settled()) && open(place)}
          onProblem={setProblem}
        />
        {items && <Readings prompts={promptsOf(asked, can)} model={model} number={number} />}
      </Easel>
      {items && opened !== null && items[opened] && (
        <PictureDialog
          pictures={items}
          index={opened}
          version={version}
          can={can}
          locked={valid?.locked.has(opened)}
          onLock={() => lock(opened)}
          onIndex={open}
          onClose={() => open(null)}
        />
      )}
    </form>
  );
}
