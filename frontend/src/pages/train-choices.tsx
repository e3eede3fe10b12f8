/** The cards of the Train page. Each group is a set of radio buttons, so arrow keys move the choice. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { api, samplesUrl } from "../api/client";
import type { Architecture, Dataset, Model } from "../api/types";
import { DatasetTags } from "../components/DatasetTags";
import { SelectField } from "../components/fields";
import { Picture } from "../components/pieces";
import { number, plural, title } from "../lib/format";
import { useResource } from "../lib/resource";
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
    <div
      class="stack"
      role="radiogroup"
      aria-labelledby={id}
      aria-describedby={error ? `${id}-error` : undefined}
      aria-invalid={error ? true : undefined}
      tabIndex={error ? -1 : undefined} // so that the form can lead there
    >
      <h2 id={id}>{legend}</h2>
      {error && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
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
            {conditionsOf(architecture).map((condition) => (
              <span class="tag" key={condition}>
                {conditioningWords[condition] ?? condition}
              </span>
            ))}
            <Paper paper={architecture.paper} />
          </span>
        </Card>
      ))}
    </Group>
  );
}

/** What its images can be asked for by: where it is a choice, all that can be chosen. */
function conditionsOf({ conditioning, hyperparameters }: Architecture): string[] {
  return hyperparameters.properties?.conditions?.enum?.map(String) ?? [conditioning];
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
          <DatasetTags dataset={dataset} />
        </Card>
      ))}
    </Group>
  );
}

interface StartFromProps {
  models: Model[];
  architecture: string;
  chosen: string | undefined; // "cats@3"
  error: string | undefined;
  onChoose: (version: string | undefined) => void;
}

/** The weights to begin with: new ones, or those of a version of the same architecture. */
export function StartFromChoice({ models, architecture, chosen, error, onChoose }: StartFromProps) {
  const [model, number] = chosen?.split("@") ?? [];
  const versions = useResource(model ? `versions ${model}` : null, () => api.versions(model ?? "")).data;
  const fitting = models.filter((known) => known.latest?.architecture === architecture).map((known) => known.name);
  const names = model && !fitting.includes(model) ? [model, ...fitting] : fitting;
  const same = versions?.filter((version) => version.architecture === architecture).map((v) => String(v.version)) ?? [];
  const numbers = number && !same.includes(number) ? [number, ...same] : same;
  const latest = (name: string) => String(models.find((known) => known.name === name)?.latest?.version ?? "latest");
  return (
    <>
      <SelectField
        label="Begin with"
        help={
          names.length > 0
            ? "Fine-tune the weights of a version, on these pictures or others, instead of beginning anew."
            : "There is no version of this architecture yet whose weights could be taken."
        }
        value={model ?? ""}
        error={error}
        options={[["", "new weights"], ...names.map((name): [string, string] => [name, name])]}
        onChoose={(name) => onChoose(name ? `${name}@${latest(name)}` : undefined)}
      />
      {model && (
        <SelectField
          label="Version"
          help="Whose weights to take."
          value={number ?? "latest"}
          error={undefined}
          options={numbers.map((known) => [known, known])}
          onChoose={(known) => onChoose(`${model}@${known}`)}
        />
      )}
    </>
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
function cost(values: Values): string[] {
  return [budget(values), `${values.resolution} px`, `batches of ${values.batch_size}`];
}

/** How long a run lasts: minutes or epochs where they are given, else steps. */
export function budget({ steps, epochs, minutes }: Values): string {
  if (typeof minutes === "number") return plural(minutes, "minute");
  if (typeof epochs === "number") return plural(epochs, "epoch");
  return `${number(Number(steps))} steps`;
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
