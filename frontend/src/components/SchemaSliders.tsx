/** The fields of a JSON Schema that one moves rather than writes: sliders for numbers, chips for choices. */

import { useId } from "preact/hooks";
import { type Drafts, decode, edit, encode, type Field, type Values } from "../lib/schema";
import { halts, nearest } from "../lib/style";
import { t } from "../strings";

interface SchemaSlidersProps {
  fields: Field[];
  base: Values;
  drafts: Drafts;
  errors: Record<string, string>;
  onChange: (drafts: Drafts) => void;
}

export function SchemaSliders({ fields, base, drafts, errors, onChange }: SchemaSlidersProps) {
  return (
    <div class="fields">
      {fields.map((field) => {
        const standard = encode(field, base[field.name] ?? null);
        const text = drafts[field.name] ?? standard;
        const decoded = decode(field, text);
        return (
          <One
            key={field.name}
            field={field}
            text={text}
            standard={standard}
            error={"error" in decoded ? decoded.error : errors[field.name]}
            onText={(next) => onChange(edit(drafts, field, base, next))}
          />
        );
      })}
    </div>
  );
}

interface OneProps {
  field: Field;
  text: string;
  standard: string;
  error: string | undefined;
  onText: (text: string) => void;
}

function One({ field, text, standard, error, onText }: OneProps) {
  const id = useId();
  const changed = text !== standard;
  const described = { "aria-describedby": `${id}-help`, "aria-invalid": error ? true : undefined } as const;
  return (
    <div class={`field ${field.kind === "choice" ? "" : "slider"} ${changed ? "changed" : ""}`}>
      <div class="field-label">
        <label id={`${id}-label`} for={field.kind === "choice" ? undefined : id}>
          {field.label}
        </label>
        {changed ? (
          <button
            class="plain reset"
            type="button"
            onClick={() => onText(standard)}
            aria-label={t.pieces.setNamedBack(field.label)}
            title={t.pieces.setBackTo(standard)}
          >
            {text} ↺
          </button>
        ) : (
          field.kind !== "choice" && <span class="soft">{text}</span>
        )}
      </div>
      {field.kind === "choice" ? (
        <div class="chips" role="radiogroup" aria-labelledby={`${id}-label`} {...described}>
          {field.choices.map(String).map((choice) => (
            <label class="chip" key={choice}>
              <input type="radio" name={id} checked={choice === text} onChange={() => onText(choice)} />
              {choice}
            </label>
          ))}
        </div>
      ) : (
        <Range id={id} field={field} text={text} onText={onText} described={described} />
      )}
      <div id={`${id}-help`} class="stack tight">
        {error && <span class="field-error">{error}</span>}
        <span class="field-help">{field.help}</span>
      </div>
    </div>
  );
}

interface RangeProps extends Pick<OneProps, "field" | "text" | "onText"> {
  id: string;
  described: { "aria-describedby": string; "aria-invalid": true | undefined };
}

function Range({ id, field, text, onText, described }: RangeProps) {
  const values = halts(field);
  return (
    <input
      id={id}
      type="range"
      min={0}
      max={values.length - 1}
      step={1}
      value={nearest(values, Number(text))}
      aria-valuetext={text}
      onInput={(e) => onText(String(values[e.currentTarget.valueAsNumber] ?? text))}
      {...described}
    />
  );
}
