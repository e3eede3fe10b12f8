/** Fields with a label, a help text and a place for what is wrong. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { t } from "../strings";

interface FrameProps {
  id: string;
  label: string;
  help: string;
  error: string | undefined;
  children: ComponentChildren;
}

function Frame({ id, label, help, error, children }: FrameProps) {
  return (
    <div class="field">
      <div class="field-label">
        <label for={id}>{label}</label>
      </div>
      {children}
      <div id={`${id}-help`} class="stack tight">
        {error && <span class="field-error">{error}</span>}
        <span class="field-help">{help}</span>
      </div>
    </div>
  );
}

const described = (id: string, error: string | undefined) =>
  ({ id, "aria-invalid": error ? true : undefined, "aria-describedby": `${id}-help` }) as const;

interface TextFieldProps {
  label: string;
  help: string;
  value: string;
  error: string | undefined;
  onText: (text: string) => void;
  numeric?: boolean;
}

export function TextField({ label, help, value, error, onText, numeric = false }: TextFieldProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} help={help} error={error}>
      <input
        {...described(id, error)}
        type="text"
        inputMode={numeric ? "numeric" : "text"}
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={(e) => onText(e.currentTarget.value)}
      />
    </Frame>
  );
}

interface SelectFieldProps {
  label: string;
  help: string;
  value: string;
  error: string | undefined;
  options: [value: string, words: string][];
  onChoose: (value: string) => void;
}

export function SelectField({ label, help, value, error, options, onChoose }: SelectFieldProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} help={help} error={error}>
      <select {...described(id, error)} value={value} onChange={(e) => onChoose(e.currentTarget.value)}>
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
    </Frame>
  );
}

interface SwitchFieldProps {
  label: string;
  help: string;
  on: boolean;
  error: string | undefined;
  onSwitch: (on: boolean) => void;
}

export function SwitchField({ label, help, on, error, onSwitch }: SwitchFieldProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} help={help} error={error}>
      <span class="switch">
        <input
          {...described(id, error)}
          type="checkbox"
          role="switch"
          aria-checked={on}
          checked={on}
          onChange={(e) => onSwitch(e.currentTarget.checked)}
        />
        <span class="small soft" aria-hidden="true">
          {on ? t.form.yes : t.form.no}
        </span>
      </span>
    </Frame>
  );
}
