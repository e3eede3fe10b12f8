/** A walk from image to image: its stops, how it is gone, and the film that comes of it. */

import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Stop, WalkBody, WalkMade } from "../api/types";
import { SelectField, SwitchField, TextField } from "../components/fields";
import { ProblemNote } from "../components/pieces";
import type { Can } from "../lib/abilities";
import { useRest } from "../lib/rest";
import { chosen, type Field } from "../lib/schema";
import { useShortcuts } from "../lib/shortcuts";
import { changedStop, queryOfStop, stopsOf, withStops } from "../lib/stops";
import { below, type Changes, type Query } from "../lib/url";
import { wishesOf } from "../lib/wishes";
import { useWorking } from "../lib/working";
import { t } from "../strings";
import { AsCode } from "./inference-code";
import { Controls } from "./inference-controls";
import { Directions } from "./inference-directions";
import { Exports } from "./inference-exports";
import { BusyNote, Easel, type ModeProps } from "./inference-mode";
import { Options } from "./inference-options";
import { Player } from "./inference-player";
import { Stops } from "./inference-stops";

const rest = 400; // milliseconds
const ways = "walk."; // how it is gone, in the address
const shown = ["frames", "easing", "loop", "space", "fps"];

export function Walk({ version, can, query, change, reload }: ModeProps) {
  const { model, version: number } = version;
  const words = t.inference.walk;
  const stops = stopsOf(query);
  const [selected, select] = useState<number | null>(null);
  const [made, setMade] = useState<WalkMade>();
  const { busy, problem, work } = useWorking(`${model}@${number}`);
  const fields = can.walk.filter(({ name }) => shown.includes(name) && (name !== "space" || can.spaces.length > 1));
  const { values } = chosen(fields, below(query, ways));
  const manner = wishesOf(
    Object.fromEntries(Object.entries(query).filter(([name]) => name.startsWith("option."))),
    can,
  );
  const body = { ...manner, ...values, waypoints: stops } as WalkBody;
  const { fps: _, ...drawn } = body;
  const key = stops.length > 1 ? JSON.stringify(drawn) : null;

  const walk = async () => {
    if (!key) return;
    const answer = await work(() => api.walk(model, number, body));
    if (answer) setMade(answer);
  };
  useRest(key, rest, walk);
  useShortcuts({ Enter: walk });

  const set = (next: Stop[]) => change(withStops(next));
  const stop = selected === null ? undefined : stops[selected];
  return (
    <Easel
      controls={
        stop && selected !== null ? (
          <StopControls
            key={selected}
            can={can}
            stop={stop}
            place={selected}
            version={version}
            reload={reload}
            onStop={(next) => set(stops.map((one, index) => (index === selected ? next : one)))}
            onClose={() => select(null)}
          />
        ) : (
          <Ways can={can} fields={fields} query={query} change={change} />
        )
      }
    >
      <Player made={made} fps={Number(values.fps ?? 24)} version={version} />
      <BusyNote busy={busy} done={made ? words.made(made.items.length) : stops.length < 2 ? words.tooFew : ""} />
      <ProblemNote problem={problem} />
      <Stops
        stops={stops}
        manner={manner}
        can={can}
        version={version}
        selected={selected}
        onSelect={select}
        onChange={(next, place) => {
          set(next);
          select(place);
        }}
      />
      {made && <Exports body={body} fields={can.walk} version={version} />}
      {made && (
        <AsCode
          recipe={{ url: `/api/v1/models/${model}/versions/${number}/interpolations`, body }}
          file={`${model}-walk.gif`}
          accept="image/gif"
        />
      )}
    </Easel>
  );
}

interface WaysProps {
  can: Can;
  fields: Field[];
  query: Query;
  change: (changes: Changes) => void;
}

/** How the walk is gone, by the schema's own fields. */
function Ways({ can, fields, query, change }: WaysProps) {
  const words = t.inference.walk;
  return (
    <section class="panel stack wishes" aria-label={words.how}>
      <h2>{words.how}</h2>
      {fields.map((field) => (
        <Way key={field.name} field={field} query={query} change={change} />
      ))}
      <Options can={can} query={query} change={change} />
      <p class="small soft">{words.chooseStop}</p>
    </section>
  );
}

function Way({ field, query, change }: { field: Field; query: Query; change: (changes: Changes) => void }) {
  const known: { label: string; help: string } | undefined = (
    t.inference.walk.fields as Record<string, { label: string; help: string } | undefined>
  )[field.name];
  const text = query[ways + field.name];
  const standard = field.default === null ? "" : String(field.default);
  const error = chosen([field], text === undefined ? {} : { [field.name]: text }).errors[field.name];
  const set = (value: string) => change({ [ways + field.name]: value === standard ? undefined : value });
  const frame = { label: known?.label ?? field.label, help: known?.help ?? field.help, error };
  if (field.kind === "boolean")
    return <SwitchField {...frame} on={(text ?? standard) === "true"} onSwitch={(on) => set(String(on))} />;
  if (field.kind === "choice")
    return (
      <SelectField
        {...frame}
        value={text ?? standard}
        options={[
          ...(field.nullable ? [["", t.inference.options.asTrained] as [string, string]] : []),
          ...field.choices.map(String).map((one): [string, string] => [one, one]),
        ]}
        onChoose={set}
      />
    );
  return <TextField {...frame} value={text ?? standard} onText={set} numeric />;
}

interface StopControlsProps {
  can: Can;
  stop: Stop;
  place: number;
  version: ModeProps["version"];
  reload: () => void;
  onStop: (stop: Stop) => void;
  onClose: () => void;
}

/** What one stop shows; how images are drawn is said for the whole walk. */
function StopControls({ can, stop, place, version, reload, onStop, onClose }: StopControlsProps) {
  const ofStop = { ...can, options: [], dials: [] };
  const query = queryOfStop(stop, ofStop);
  const change = (changes: Changes) => onStop(changedStop(stop, changes, ofStop));
  return (
    <div class="stack close wishes">
      <div class="row apart">
        <h2>{t.inference.walk.stop(place + 1)}</h2>
        <button class="plain" type="button" onClick={onClose}>
          {t.inference.walk.backToWalk}
        </button>
      </div>
      <Controls can={ofStop} query={query} change={change}>
        {can.directions.length > 0 && (
          <Directions version={version} can={ofStop} query={query} change={change} reload={reload} />
        )}
      </Controls>
    </div>
  );
}
