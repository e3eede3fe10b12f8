/** Which classes to draw: one by a click, or several with their shares. */

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Slider } from "../components/Slider";
import { percent } from "../lib/format";
import { classesIn, evenly, found, withClasses, withShare } from "../lib/wishes";
import { t } from "../strings";
import type { ControlsProps } from "./inference-controls";
import { Finder } from "./inference-sliders";

const many = 14;
const most = 8; // in one mixture; more would not be seen

export function ClassChoice({ can, query, change }: ControlsProps) {
  const id = useId();
  const words = t.inference.classes;
  const weights = classesIn(query, can.classes);
  const chosen = [...(weights?.keys() ?? [])];
  const [mixing, setMixing] = useState(chosen.length > 1);
  const [sought, seek] = useState("");
  const chips = useRef<HTMLFieldSetElement>(null);
  useEffect(() => {
    const first = chips.current?.querySelector<HTMLElement>(".chip:has(:checked)");
    if (chips.current && first) chips.current.scrollTop = first.offsetTop - chips.current.clientHeight / 2;
  }, []); // a page that comes with a choice shows it

  const toggle = (name: string) => {
    const others = chosen.filter((other) => other !== name);
    if (!mixing) change(withClasses(query, evenly([name])));
    else if (others.length < chosen.length) change(withClasses(query, others.length > 0 ? evenly(others) : undefined));
    else if (chosen.length < most) change(withClasses(query, evenly([...chosen, name])));
  };
  const mix = (on: boolean) => {
    setMixing(on);
    const [first] = chosen;
    if (!on && first !== undefined && chosen.length > 1) change(withClasses(query, evenly([first])));
  };
  const shown = found(
    can.classes.map((name) => ({ name, label: name })),
    sought,
    ({ name }) => weights?.has(name) ?? false,
  );
  const chip = (key: string, label: string, checked: boolean, choose: () => void, several: boolean, hint?: string) => (
    <label class="chip" key={key} title={hint}>
      <input
        type={several ? "checkbox" : "radio"}
        name={several ? undefined : id}
        checked={checked}
        onChange={choose}
      />
      {label}
    </label>
  );
  return (
    <section class="stack close" aria-labelledby={`${id}-legend`}>
      <div class="row apart">
        <h2 id={`${id}-legend`}>{words.title}</h2>
        {can.classes.length > 1 && (
          <label class="switch small">
            <input type="checkbox" role="switch" aria-checked={mixing} checked={mixing} onChange={() => mix(!mixing)} />
            {words.mix}
          </label>
        )}
      </div>
      {can.classes.length > many && (
        <Finder
          label={words.find(can.classes.length)}
          hint={words.find(can.classes.length)}
          value={sought}
          onSeek={seek}
        />
      )}
      <fieldset class="chips many bare" aria-labelledby={`${id}-legend`} ref={chips}>
        {chip(
          "any",
          words.any,
          weights === undefined,
          () => change(withClasses(query, undefined)),
          false,
          words.anyHelp,
        )}
        {chip(
          "none",
          words.none,
          weights?.size === 0,
          () => change(withClasses(query, new Map())),
          false,
          words.noneHelp,
        )}
        {shown.map(({ name }) => chip(`class ${name}`, name, weights?.has(name) ?? false, () => toggle(name), mixing))}
      </fieldset>
      {shown.length === 0 && <p class="small soft">{words.noneFound}</p>}
      {weights && weights.size > 1 && (
        <div class="sliders">
          {[...weights].map(([name, weight]) => (
            <Slider
              key={name}
              label={words.share(name)}
              value={weight}
              rest={1 / weights.size}
              resting=""
              min={0}
              max={1}
              step={0.05}
              words={(share) => percent(share)}
              onChange={(share) => change(withClasses(query, withShare(weights, name, share ?? 1 / weights.size)))}
            />
          ))}
        </div>
      )}
    </section>
  );
}
