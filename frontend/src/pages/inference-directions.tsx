/** Sliders along the directions that a discovery has found; each can be looked at, named, put aside and removed. */

import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Direction, Version } from "../api/types";
import { Dialog } from "../components/Dialog";
import { Icon } from "../components/Icon";
import { FactList, Picture, ProblemNote } from "../components/pieces";
import { percent } from "../lib/format";
import { asProblem, useResource } from "../lib/resource";
import { withAmount } from "../lib/wishes";
import { t } from "../strings";
import type { ControlsProps } from "./inference-controls";
import { Knobs } from "./inference-sliders";

interface DirectionsProps extends ControlsProps {
  version: Version;
  reload: () => void;
}

export function Directions({ version, reload, ...props }: DirectionsProps) {
  const { can, change } = props;
  const { model, version: number } = version;
  const words = t.inference.directions;
  const key = `directions ${model} ${number} ${can.directions.length}`;
  const details = useResource(key, () => api.directions(model, number));
  const [opened, open] = useState<string>();
  const [aside, showAside] = useState(false);
  const direction = details.data?.find(({ id }) => id === opened);
  const hidden = can.directions.filter((knob) => knob.hidden).length;
  const renew = () => {
    details.reload();
    reload();
  };
  return (
    <>
      <Knobs
        {...props}
        group="directions"
        knobs={aside ? can.directions.map((knob) => ({ ...knob, hidden: false })) : can.directions}
        title={words.title}
        help={words.help}
        beside={(knob) => (
          <button
            class="plain square"
            type="button"
            aria-label={words.about(knob.label)}
            title={words.about(knob.label)}
            onClick={() => open(knob.name)}
          >
            <Icon name="more" size={18} />
          </button>
        )}
      >
        {hidden > 0 && (
          <button class="plain fit" type="button" aria-pressed={aside} onClick={() => showAside(!aside)}>
            {aside ? words.hideAside : words.showAside(hidden)}
          </button>
        )}
      </Knobs>
      {direction && (
        <DirectionDialog
          key={direction.id}
          direction={direction}
          model={model}
          number={number}
          onClose={() => open(undefined)}
          onChanged={renew}
          onGone={() => {
            open(undefined);
            change(withAmount("directions", direction.id, undefined));
            renew();
          }}
        />
      )}
    </>
  );
}

interface DirectionDialogProps {
  direction: Direction;
  model: string;
  number: number;
  onClose: () => void;
  onChanged: () => void;
  onGone: () => void;
}

function DirectionDialog({ direction, model, number, onClose, onChanged, onGone }: DirectionDialogProps) {
  const words = t.inference.directions;
  const { id, hidden, strip_url } = direction;
  const [name, setName] = useState(direction.name);
  const [sure, ask] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const act = async (deed: () => Promise<unknown>, then: () => void) => {
    try {
      await deed();
      setProblem(null);
      then();
    } catch (reason) {
      setProblem(asProblem(reason));
    }
  };
  const facts: [string, string][] = [[words.method, words.methods[direction.method] ?? direction.method]];
  if (direction.share != null) facts.push([words.share, percent(direction.share)]);
  if (direction.accuracy != null) facts.push([words.accuracy, percent(direction.accuracy)]);
  if (direction.layers) facts.push([words.layers, words.layerRange(...(direction.layers as [number, number]))]);
  return (
    <Dialog title={direction.name} onClose={onClose}>
      {strip_url && (
        <figure class="stack tight">
          <Picture src={strip_url} alt={words.strip(direction.name)} class="strip crisp" />
          <figcaption class="small soft">{words.stripHelp}</figcaption>
        </figure>
      )}
      <FactList facts={facts} />
      <form
        class="row end"
        onSubmit={(event) => {
          event.preventDefault();
          act(() => api.changeDirection(model, number, id, { name }), onChanged);
        }}
      >
        <label class="field grow">
          <span class="field-label">{words.name}</span>
          <input value={name} maxLength={100} required onInput={(e) => setName(e.currentTarget.value)} />
        </label>
        <button class="quiet" type="submit" disabled={!name.trim() || name.trim() === direction.name}>
          {words.rename}
        </button>
      </form>
      <ProblemNote problem={problem} />
      <div class="row">
        <button
          class="quiet"
          type="button"
          onClick={() => act(() => api.changeDirection(model, number, id, { hidden: !hidden }), onChanged)}
        >
          {hidden ? words.bringBack : words.putAside}
        </button>
        <button
          class={sure ? "danger" : "quiet"}
          type="button"
          onClick={() => (sure ? act(() => api.removeDirection(model, number, id), onGone) : ask(true))}
        >
          {sure ? words.reallyRemove : words.remove}
        </button>
      </div>
    </Dialog>
  );
}
