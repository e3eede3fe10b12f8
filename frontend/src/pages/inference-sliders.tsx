/** Sliders for amounts that are asked for by name: attributes, and what a discovery has found. */

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { Slider } from "../components/Slider";
import type { Knob } from "../lib/abilities";
import { number, percent } from "../lib/format";
import { amountsOf, found, type Group, withAmount } from "../lib/wishes";
import { t } from "../strings";
import type { ControlsProps } from "./inference-controls";

const many = 14; // names, of which one would rather search

interface KnobsProps extends ControlsProps {
  group: Group;
  knobs: Knob[];
  title: string;
  help: string;
  beside?: (knob: Knob) => ComponentChildren; // a slider's own button
  children?: ComponentChildren;
}

export function Knobs({ query, change, group, knobs, title, help, beside, children }: KnobsProps) {
  const [sought, seek] = useState("");
  const values = amountsOf(query, group, knobs);
  const touched = Object.keys(values);
  const shown = found(knobs, sought, ({ name }) => name in values).filter(
    ({ name, hidden }) => !hidden || name in values,
  );
  const words = t.inference.controls;
  const id = useId();
  return (
    <section class="stack close" aria-labelledby={id}>
      <div class="row apart">
        <h2 id={id}>{title}</h2>
        {touched.length > 0 && (
          <button
            class="plain"
            type="button"
            onClick={() => change(Object.assign({}, ...touched.map((name) => withAmount(group, name, undefined))))}
          >
            {words.setBack(touched.length)}
          </button>
        )}
      </div>
      <p class="small soft">{help}</p>
      {knobs.length > many && (
        <Finder
          label={words.find(knobs.length, title)}
          hint={words.findShort(knobs.length)}
          value={sought}
          onSeek={seek}
        />
      )}
      <div class="sliders many">
        {shown.map((knob) => (
          <Knobbed key={knob.name} beside={beside?.(knob)}>
            <Slider
              label={knob.label}
              value={values[knob.name]}
              rest={rest(knob)}
              resting={knob.min < 0 ? words.resting[group] : words.resting.dial}
              min={knob.min}
              max={knob.max}
              step={(knob.max - knob.min) / (knob.min < 0 ? 60 : 20)}
              words={knob.min < 0 ? number : percent}
              onChange={(value) => change(withAmount(group, knob.name, value === undefined ? value : tidy(value)))}
            />
          </Knobbed>
        ))}
      </div>
      {shown.length === 0 && sought && <p class="small soft">{words.noneFound}</p>}
      {children}
    </section>
  );
}

/** Where a slider stands until it is moved: amounts at nothing, chances at "as it is drawn". */
function rest({ min, max }: Knob): number {
  return min < 0 ? 0 : (min + max) / 2;
}

function tidy(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function Knobbed({ beside, children }: { beside: ComponentChildren; children: ComponentChildren }) {
  if (!beside) return <>{children}</>;
  return (
    <div class="knob">
      {children}
      {beside}
    </div>
  );
}

interface FinderProps {
  label: string;
  hint: string;
  value: string;
  onSeek: (sought: string) => void;
}

export function Finder({ label, hint, value, onSeek }: FinderProps) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={hint}
      value={value}
      onInput={(e) => onSeek(e.currentTarget.value)}
      onKeyDown={(e) => e.key === "Enter" && e.preventDefault()}
    />
  );
}
