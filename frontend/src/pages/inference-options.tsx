/** How images are drawn: truncation, noise, and whatever else a version's schema has, by the kind of its value. */

import { SelectField, SwitchField, TextField } from "../components/fields";
import { Slider } from "../components/Slider";
import { number } from "../lib/format";
import { decode, type Field } from "../lib/schema";
import { optionOf, withOption } from "../lib/wishes";
import { t } from "../strings";
import type { ControlsProps } from "./inference-controls";

interface Told {
  label: string;
  help?: string;
  resting?: string;
  rest?: number;
  choices?: Record<string, string>;
}

/** What is known of some options beside their schema: other words, and what stands for not choosing. */
const told: Record<string, Told | undefined> = t.inference.options.known;

const needed: Record<string, string | undefined> = { truncation_cutoff: "truncation_psi" }; // without which it says nothing

export function Options(props: ControlsProps) {
  const shown = props.can.options.filter(({ name }) => {
    const other = needed[name];
    return other === undefined || optionOf(props.query, other) !== undefined;
  });
  return (
    <div class="stack">
      {shown.map((field) => (
        <Option key={field.name} field={field} {...props} />
      ))}
    </div>
  );
}

function Option({ field, query, change }: ControlsProps & { field: Field }) {
  const { name, kind, schema } = field;
  const known = told[name];
  const text = optionOf(query, name);
  const set = (value: string | undefined) => change(withOption(name, value));
  const frame = { label: known?.label ?? field.label, help: known?.help ?? field.help };
  const decoded = text === undefined ? undefined : decode(field, text);
  const error = decoded && "error" in decoded ? decoded.error : undefined;
  if (kind === "choice")
    return (
      <SelectField
        {...frame}
        value={text ?? ""}
        error={error}
        options={[
          ["", t.inference.options.asTrained],
          ...field.choices.map(String).map((one): [string, string] => [one, known?.choices?.[one] ?? one]),
        ]}
        onChoose={set}
      />
    );
  if (kind === "boolean")
    return (
      <SwitchField {...frame} on={text === "true"} error={error} onSwitch={(on) => set(on ? "true" : undefined)} />
    );
  const { minimum: min, maximum: max } = schema;
  if (min === undefined || max === undefined)
    return <TextField {...frame} value={text ?? ""} error={error} onText={set} numeric />;
  const value = decoded && "value" in decoded && typeof decoded.value === "number" ? decoded.value : undefined;
  const usual = typeof field.default === "number" ? field.default : undefined;
  return (
    <div class="stack tight">
      <Slider
        label={frame.label}
        value={value}
        rest={known?.rest ?? usual ?? max}
        resting={known?.resting ?? t.inference.options.asTrained}
        min={min}
        max={max}
        step={kind === "integer" ? 1 : (max - min) / 80}
        words={number}
        onChange={(value) => set(value === undefined ? undefined : String(Math.round(value * 1000) / 1000))}
      />
      <p class="small soft">{frame.help}</p>
    </div>
  );
}
