/** The cards of the Train page. Each group is a set of radio buttons, so arrow keys move the choice. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { samplesUrl } from "../api/client";
import type { Architecture, Dataset } from "../api/types";
import { Picture } from "../components/pieces";
import { number, plural, title } from "../lib/format";
import { baseline, type Field, type Values } from "../lib/schema";

interface GroupProps {
  legend: string;
  error: string | undefined;
  width?: string;
  children: ComponentChildren;
}

function Group({ legend, error, width, children }: GroupProps) {
  const id = useId();
  return (
    <div class="stack" role="radiogroup" aria-labelledby={id}>
      <h2 id={id}>{legend}</h2>
      {error && <p class="field-error">{error}</p>}
      <div class="cards" style={width ? { "--card": width } : undefined}>
        {children}
      </div>
    </div>
  );
}

interface CardProps {
  group: string;
  value: string;
  checked: boolean;
  onChoose: (value: string) => void;
  class?: string;
  children: ComponentChildren;
}

function Card({ group, value, checked, onChoose, class: more = "", children }: CardProps) {
  return (
    <label class={`card ${more}`}>
      <input type="radio" name={group} value={value} checked={checked} onChange={() => onChoose(value)} />
      {children}
    </label>
  );
}

interface ChoiceProps<T> {
  all: T[];
  chosen: string;
  error: string | undefined;
  onChoose: (name: string) => void;
}

const conditioningWords: Record<string, string> = {
  none: "unconditional",
  class: "by class",
  attributes: "by attributes",
  text: "by text",
};

export function ArchitectureChoice({ all, chosen, error, onChoose }: ChoiceProps<Architecture>) {
  return (
    <Group legend="Architecture" error={error}>
      {all.map((architecture) => (
        <Card
          key={architecture.name}
          group="architecture"
          value={architecture.name}
          checked={architecture.name === chosen}
          onChoose={onChoose}
        >
          <h3>{architecture.title}</h3>
          <p>{architecture.summary}</p>
          <span class="row">
            <span class="tag">{conditioningWords[architecture.conditioning] ?? architecture.conditioning}</span>
            <Paper paper={architecture.paper} />
          </span>
        </Card>
      ))}
    </Group>
  );
}

/** "arXiv 1511.06434" and addresses become links; any other citation stays text. */
function Paper({ paper }: { paper: string }) {
  const arxiv = /\b\d{4}\.\d{4,5}\b/.exec(paper)?.[0];
  const href = arxiv ? `https://arxiv.org/abs/${arxiv}` : /^https?:\/\//.test(paper) ? paper : undefined;
  return href ? (
    <a href={href} target="_blank" rel="noreferrer">
      {arxiv ? `arXiv ${arxiv}` : "paper"}
    </a>
  ) : (
    <span>{paper}</span>
  );
}

export function DatasetChoice({ all, chosen, error, onChoose }: ChoiceProps<Dataset>) {
  return (
    <Group legend="Data set" error={error} width="14rem">
      {all.map((dataset) => (
        <Card
          key={dataset.name}
          group="dataset"
          value={dataset.name}
          checked={dataset.name === chosen}
          onChoose={onChoose}
          class="dataset-card"
        >
          <Picture src={samplesUrl(dataset.name, 25, 64)} alt="" />
          <h3>{dataset.title}</h3>
          <p>{dataset.summary}</p>
          <span class="row">
            <span class="tag">{plural(dataset.num_images, "image")}</span>
            {dataset.class_names.length > 0 && (
              <span class="tag">{plural(dataset.class_names.length, "class", "classes")}</span>
            )}
            <span>{dataset.licence}</span>
          </span>
        </Card>
      ))}
    </Group>
  );
}

interface PresetChoiceProps {
  architecture: Architecture;
  fields: Field[];
  chosen: string | undefined;
  error: string | undefined;
  onChoose: (name: string) => void;
}

/** What every architecture has: the base hyper-parameters that say how long it takes. */
function cost({ steps, resolution, batch_size }: Values): string[] {
  return [`${number(Number(steps))} steps`, `${resolution} px`, `batches of ${batch_size}`];
}

export function PresetChoice({ architecture, fields, chosen, error, onChoose }: PresetChoiceProps) {
  return (
    <Group legend="Preset" error={error} width="13rem">
      {Object.entries(architecture.presets).map(([name, values]) => {
        return (
          <Card key={name} group="preset" value={name} checked={name === chosen} onChoose={onChoose}>
            <h3>{title(name)}</h3>
            <p>{presetWords[name]}</p>
            <span class="row">
              {cost(baseline(fields, values)).map((words) => (
                <span class="tag" key={words}>
                  {words}
                </span>
              ))}
            </span>
          </Card>
        );
      })}
    </Group>
  );
}

const presetWords: Record<string, string> = {
  debug: "Seconds: to see that all works.",
  quick: "Minutes on two processor cores: recognisable pictures.",
  paper: "The published recipe; wants a GPU.",
};

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
    <div class="field">
      <div class="field-label">
        <label for={id}>{label}</label>
      </div>
      <input
        id={id}
        type="text"
        inputMode={numeric ? "numeric" : "text"}
        autocomplete="off"
        spellcheck={false}
        value={value}
        aria-invalid={error ? true : undefined}
        aria-describedby={`${id}-help`}
        onInput={(e) => onText(e.currentTarget.value)}
      />
      <div id={`${id}-help`} class="stack tight">
        {error && <span class="field-error">{error}</span>}
        <span class="field-help">{help}</span>
      </div>
    </div>
  );
}
