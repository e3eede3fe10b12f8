/** What a version can be asked for, and nothing else: a prompt, classes and their mixtures, attributes, truncation, noise. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { SelectField } from "../components/fields";
import { Slider } from "../components/Slider";
import { number, title } from "../lib/format";
import type { Changes, Query } from "../lib/url";
import {
  type Abilities,
  classesIn,
  found,
  type NoiseMode,
  noiseModes,
  strongest,
  wishesOf,
  withAttribute,
} from "../lib/wishes";

interface WishesProps {
  can: Abilities;
  query: Query;
  change: (changes: Changes) => void;
}

export function canBeAsked({ conditioning, class_names, attribute_names, options }: Abilities): boolean {
  return conditioning === "text" || class_names.length + attribute_names.length + options.length > 0;
}

export function WishesPanel({ children, ...props }: WishesProps & { children?: ComponentChildren }) {
  const { class_names, attribute_names, options } = props.can;
  return (
    <section class="panel stack wishes" aria-label="What to draw">
      {props.can.conditioning === "text" && <Prompt {...props} />}
      {class_names.length > 0 && <ClassChoice {...props} />}
      {attribute_names.length > 0 && <Attributes {...props} />}
      {options.includes("truncation_psi") && <Truncation {...props} />}
      {options.includes("noise_mode") && <Noise {...props} />}
      {children}
    </section>
  );
}

const many = 14; // names, of which one would rather search

interface FinderProps {
  id: string;
  legend: string;
  names: string[];
  sought: string;
  onSeek: (sought: string) => void;
  children?: ComponentChildren;
}

/** A heading, and a field to search where there are many names below it. */
function Finder({ id, legend, names, sought, onSeek, children }: FinderProps) {
  return (
    <>
      <div class="row apart">
        <h2 id={id}>{legend}</h2>
        {children}
      </div>
      {names.length > many && (
        <input
          type="search"
          aria-label={`Find in ${names.length} ${legend.toLowerCase()}`}
          placeholder={`Find in ${names.length}`}
          value={sought}
          onInput={(e) => onSeek(e.currentTarget.value)}
          onKeyDown={(e) => e.key === "Enter" && e.preventDefault()}
        />
      )}
    </>
  );
}

function ClassChoice({ can, query, change }: WishesProps) {
  const id = useId();
  const [sought, seek] = useState("");
  const classes = classesIn(query, can);
  const [first, second] = classes?.names ?? [];
  const choose = (name: string | undefined) =>
    change({ class: name, ...(name && name !== second ? {} : { mix: undefined, share: undefined }) });
  const chip = (key: string, words: string, checked: boolean, name: string | undefined, hint?: string) => (
    <label class="chip" key={key} title={hint}>
      <input type="radio" name={id} checked={checked} onChange={() => choose(name)} />
      {words}
    </label>
  );
  const shown = found(can.class_names, sought, (name) => name === first);
  const chips = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const chosen = chips.current?.querySelector<HTMLElement>(".chip:has(:checked)");
    if (chips.current && chosen) chips.current.scrollTop = chosen.offsetTop - chips.current.clientHeight / 2;
  }, []); // a page that comes with a choice shows it
  return (
    <div class="stack close">
      <Finder id={`${id}-legend`} legend="Classes" names={can.class_names} sought={sought} onSeek={seek} />
      <div class="chips many" role="radiogroup" aria-labelledby={`${id}-legend`} ref={chips}>
        {chip("any", "Any", classes === undefined, undefined, "One of the data's, by each image's seed")}
        {chip("none", "None", classes?.names.length === 0, "", "Of no class in particular")}
        {shown.map((name) => chip(`class ${name}`, name, name === first, name))}
      </div>
      {shown.length === 0 && <p class="small soft">No class is called so.</p>}
      {first !== undefined && can.class_names.length > 1 && (
        <>
          <label class="field">
            <span class="field-label">Mix with</span>
            <select
              value={second ?? ""}
              onChange={(e) => change({ mix: e.currentTarget.value || undefined, share: undefined })}
            >
              <option value="">nothing</option>
              {can.class_names
                .filter((name) => name !== first)
                .map((name) => (
                  <option key={name}>{name}</option>
                ))}
            </select>
          </label>
          {second !== undefined && (
            <Slider
              label={`Share of ${second}`}
              value={classes?.share}
              rest={0.5}
              resting=""
              min={0}
              max={1}
              step={0.05}
              words={(share) => `${Math.round(share * 100)} %`}
              onChange={(share) => change({ share: share === undefined ? undefined : String(share) })}
            />
          )}
        </>
      )}
    </div>
  );
}

function Attributes({ can, query, change }: WishesProps) {
  const id = useId();
  const [sought, seek] = useState("");
  const values = wishesOf(query, can).attributes ?? {};
  const touched = Object.keys(values);
  const shown = found(can.attribute_names, sought, (name) => name in values);
  return (
    <div class="stack close">
      <Finder id={id} legend="Attributes" names={can.attribute_names} sought={sought} onSeek={seek}>
        {touched.length > 0 && (
          <button
            class="plain"
            type="button"
            onClick={() => change(Object.assign({}, ...touched.map((name) => withAttribute(name, undefined))))}
          >
            Set {touched.length === 1 ? "it" : `all ${touched.length}`} back
          </button>
        )}
      </Finder>
      <p class="small soft">0 is no, 1 is yes; what you leave alone is as in the data, by each image's seed.</p>
      <div class="sliders many">
        {shown.map((name) => (
          <Slider
            key={name}
            label={title(name)}
            value={values[name]}
            rest={0}
            resting="as in the data"
            min={-strongest}
            max={strongest}
            step={0.25}
            onChange={(value) => change(withAttribute(name, value))}
          />
        ))}
      </div>
      {shown.length === 0 && <p class="small soft">No attribute is called so.</p>}
    </div>
  );
}

function Prompt({ query, change }: WishesProps) {
  const [prompt, negative, towards] = [query.prompt ?? "", query.negative ?? "", query.towards ?? ""];
  return (
    <div class="stack close">
      <label class="field">
        <span class="field-label">Prompt</span>
        <textarea
          rows={3}
          maxLength={1000}
          placeholder="What to see, in words"
          value={prompt}
          onInput={(e) => change({ prompt: e.currentTarget.value || undefined })}
          onKeyDown={(e) => {
            if (e.key !== "Enter" || e.shiftKey) return;
            e.preventDefault();
            e.currentTarget.form?.requestSubmit();
          }}
        />
      </label>
      <p class="small soft">Without one, each image is of a caption of the data.</p>
      {towards === "" && (
        <label class="field">
          <span class="field-label">Keep away from</span>
          <input
            maxLength={1000}
            value={negative}
            disabled={prompt === ""}
            onInput={(e) => change({ negative: e.currentTarget.value || undefined })}
          />
        </label>
      )}
      {negative === "" && (
        <label class="field">
          <span class="field-label">Lead towards</span>
          <input
            maxLength={1000}
            value={towards}
            disabled={prompt === ""}
            onInput={(e) => change({ towards: e.currentTarget.value || undefined, share: undefined })}
          />
        </label>
      )}
      {towards !== "" && (
        <Slider
          label="How far"
          value={query.share === undefined ? undefined : Number(query.share)}
          rest={0.5}
          resting="50 %"
          min={0}
          max={1}
          step={0.05}
          words={(value) => `${Math.round(value * 100)} %`}
          onChange={(value) => change({ share: value === undefined ? undefined : String(value) })}
        />
      )}
    </div>
  );
}

const layers = [2, 4, 6, 8, 10, 12];

function Truncation({ can, query, change }: WishesProps) {
  const { truncation_psi: psi, truncation_cutoff: cutoff } = wishesOf(query, can);
  const choices = cutoff != null && !layers.includes(cutoff) ? [...layers, cutoff].sort((a, b) => a - b) : layers;
  return (
    <div class="stack close">
      <h2>Style</h2>
      <Slider
        label="Truncation"
        value={psi ?? undefined}
        rest={1}
        resting="1, all of the variety"
        min={-1}
        max={1.5}
        step={0.05}
        words={number}
        onChange={(value) => change({ truncation_psi: value === undefined ? undefined : String(value) })}
      />
      <p class="small soft">Nearer to 0 the images are better and more alike; 1 is all of their variety.</p>
      {psi != null && can.options.includes("truncation_cutoff") && (
        <SelectField
          label="Truncated layers"
          help="Coarse layers decide the pose, fine ones the colours."
          value={cutoff == null ? "" : String(cutoff)}
          error={undefined}
          options={[["", "all"], ...choices.map((n): [string, string] => [String(n), `the coarsest ${n}`])]}
          onChoose={(value) => change({ truncation_cutoff: value || undefined })}
        />
      )}
    </div>
  );
}

const noiseWords: Record<NoiseMode, string> = {
  random: "each image's own",
  const: "the same for all",
  none: "none",
};

function Noise({ can, query, change }: WishesProps) {
  return (
    <SelectField
      label="Noise"
      help="Where hairs and speckles fall."
      value={wishesOf(query, can).noise_mode ?? ""}
      error={undefined}
      options={[["", "as trained"], ...noiseModes.map((mode): [string, string] => [mode, noiseWords[mode]])]}
      onChoose={(mode) => change({ noise_mode: mode || undefined })}
    />
  );
}
