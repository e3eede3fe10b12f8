/** A value that nobody has to choose: until it is touched the slider rests, and it can be set back. */

import { useId } from "preact/hooks";
import { t } from "../strings";

interface SliderProps {
  label: string;
  named?: string; // for those who do not see what it stands beside
  value: number | undefined; // undefined: not touched
  rest: number; // where it stands until then
  resting: string; // what that means, in words
  min: number;
  max: number;
  step: number;
  words?: (value: number) => string;
  hint?: string | undefined; // what a pointer that rests on its name is told, beside the name
  onChange: (value: number | undefined) => void;
}

export function Slider(props: SliderProps) {
  const { label, named = label, value, rest, resting, min, max, step, words = String, hint, onChange } = props;
  const id = useId();
  return (
    <div class={`slider ${value === undefined ? "" : "changed"}`}>
      <div class="field-label">
        <label for={id} title={hint ? `${label}\n${hint}` : label}>
          {label}
        </label>
        {value !== undefined && (
          <button
            class="plain reset"
            type="button"
            onClick={() => onChange(undefined)}
            aria-label={t.pieces.valueSetBack(words(value), named)}
            title={t.pieces.setBack}
          >
            {words(value)} <span aria-hidden="true">↺</span>
          </button>
        )}
      </div>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        step={step}
        value={value ?? rest}
        aria-label={named === label ? undefined : named}
        aria-valuetext={value === undefined ? resting : words(value)}
        onInput={(e) => onChange(e.currentTarget.valueAsNumber)}
      />
    </div>
  );
}
