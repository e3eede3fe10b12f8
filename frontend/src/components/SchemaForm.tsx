/** A form for any flat JSON Schema: the server's hyper-parameters and options need no code here. */

import { useId } from "preact/hooks";
import { bounds, type Drafts, decode, edit, encode, type Field, type Values } from "../lib/schema";
import { t } from "../strings";

interface SchemaFormProps {
  fields: Field[];
  base: Values; // what a field has when the user wrote nothing
  origin: string; // whose values these are: "quick", "the default"
  drafts: Drafts;
  errors: Record<string, string>; // what the server said, by field
  onChange: (drafts: Drafts) => void;
}

export function SchemaForm({ fields, base, origin, drafts, errors, onChange }: SchemaFormProps) {
  return (
    <div class="fields">
      {fields.map((field) => {
        const standard = encode(field, base[field.name] ?? null);
        const draft = drafts[field.name];
        const decoded = draft === undefined ? undefined : decode(field, draft);
        return (
          <FieldFrame
            key={field.name}
            field={field}
            text={draft ?? standard}
            changedFrom={
              draft === undefined
                ? undefined
                : t.form.from(origin, standard || (field.nullable ? t.form.unused : t.form.none))
            }
            error={decoded && "error" in decoded ? decoded.error : errors[field.name]}
            onText={(text) => onChange(edit(drafts, field, base, text))}
            onReset={() => onChange(edit(drafts, field, base, standard))}
          />
        );
      })}
    </div>
  );
}

interface FieldFrameProps {
  field: Field;
  text: string;
  changedFrom: string | undefined;
  error: string | undefined;
  onText: (text: string) => void;
  onReset: () => void;
}

function FieldFrame({ field, text, changedFrom, error, onText, onReset }: FieldFrameProps) {
  const id = useId();
  const range = bounds(field);
  const group = field.kind === "choices";
  const described = { "aria-describedby": `${id}-help`, "aria-invalid": error ? true : undefined } as const;
  return (
    <div class={`field ${changedFrom ? "changed" : ""}`}>
      <div class="field-label">
        <label id={`${id}-label`} for={group ? undefined : id}>
          {field.label}
        </label>
        {changedFrom && (
          <button class="plain reset" type="button" onClick={onReset} title={t.form.reset}>
            {changedFrom} ↺
          </button>
        )}
      </div>
      <Control id={id} field={field} text={text} onText={onText} described={described} />
      <div id={`${id}-help`} class="stack tight">
        {error && <span class="field-error">{error}</span>}
        <span class="field-help">
          {field.help} {range && <span class="range">{range}</span>}
        </span>
      </div>
    </div>
  );
}

interface ControlProps {
  id: string;
  field: Field;
  text: string;
  onText: (text: string) => void;
  described: { "aria-describedby": string; "aria-invalid": true | undefined };
}

function Control({ id, field, text, onText, described }: ControlProps) {
  switch (field.kind) {
    case "boolean":
      return (
        <label class="switch">
          <input
            id={id}
            type="checkbox"
            role="switch"
            aria-checked={text === "true"}
            checked={text === "true"}
            onChange={(e) => onText(String(e.currentTarget.checked))}
            {...described}
          />
          <span class="small soft">{text === "true" ? t.form.on : t.form.off}</span>
        </label>
      );
    case "choice":
      return (
        <select id={id} value={text} onChange={(e) => onText(e.currentTarget.value)} {...described}>
          {field.nullable && <option value="">{t.form.unused}</option>}
          {field.choices.map((choice) => (
            <option key={String(choice)} value={String(choice)}>
              {String(choice)}
            </option>
          ))}
        </select>
      );
    case "choices":
      return <Choices id={id} field={field} text={text} onText={onText} />;
    default:
      return (
        <input
          id={id}
          type="text"
          inputMode={field.kind === "integer" ? "numeric" : field.kind === "number" ? "decimal" : "text"}
          autocomplete="off"
          spellcheck={false}
          placeholder={field.nullable ? t.form.unused : undefined}
          value={text}
          onInput={(e) => onText(e.currentTarget.value)}
          {...described}
        />
      );
  }
}

function Choices({ id, field, text, onText }: Omit<ControlProps, "described">) {
  const taken = text === "" ? [] : text.split(",");
  const toggle = (name: string) =>
    onText(
      field.choices
        .map(String)
        .filter((choice) => (choice === name) !== taken.includes(choice))
        .join(","),
    );
  return (
    <fieldset class="chips bare" aria-labelledby={`${id}-label`}>
      {field.choices.map(String).map((choice) => (
        <label class="chip" key={choice}>
          <input type="checkbox" checked={taken.includes(choice)} onChange={() => toggle(choice)} />
          {choice}
        </label>
      ))}
    </fieldset>
  );
}
