/** The cards of the Train page. Each group is a set of radio buttons, so arrow keys move the choice. */

import { type ComponentChildren, createContext } from "preact";
import { useContext, useId } from "preact/hooks";
import { samplesUrl } from "../api/addresses";
import { api } from "../api/client";
import type { Architecture, Dataset, Model } from "../api/types";
import { DatasetTags } from "../components/DatasetTags";
import { SelectField } from "../components/fields";
import { Icon } from "../components/Icon";
import { Picture } from "../components/pieces";
import { type Estimate, lacking, type Need } from "../lib/fit";
import { bytes, capital, number, roughly, title } from "../lib/format";
import { useResource } from "../lib/resource";
import { baseline, type Field, type Values } from "../lib/schema";
import { t } from "../strings";

interface Choice {
  name: string; // of the radio buttons
  chosen: string | undefined;
  onChoose: (value: string) => void;
}

const Chosen = createContext<Choice>({ name: "", chosen: undefined, onChoose: () => undefined });

interface GroupProps extends Choice {
  legend: string;
  error: string | undefined;
  width?: string;
  children: ComponentChildren;
}

function Group({ legend, error, width, children, ...choice }: GroupProps) {
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
        <Chosen.Provider value={choice}>{children}</Chosen.Provider>
      </div>
    </div>
  );
}

interface CardProps {
  value: string;
  class?: string;
  children: ComponentChildren;
}

/** One of a group. */
function Card({ value, class: more = "", children }: CardProps) {
  const { name, chosen, onChoose } = useContext(Chosen);
  return (
    <label class={`card ${more}`}>
      <input type="radio" name={name} value={value} checked={value === chosen} onChange={() => onChoose(value)} />
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

interface ArchitectureChoiceProps extends ChoiceProps<Architecture> {
  presetOf: (architecture: Architecture) => string | undefined; // whose cost a card tells
}

export function ArchitectureChoice({ all, chosen, error, onChoose, presetOf }: ArchitectureChoiceProps) {
  return (
    <Group name="architecture" legend={t.train.architecture} error={error} chosen={chosen} onChoose={onChoose}>
      {all.map((architecture) => {
        const preset = presetOf(architecture);
        const estimate = preset === undefined ? undefined : architecture.estimates[preset];
        return (
          <Card key={architecture.name} value={architecture.name} class="architecture-card">
            <h3>{architecture.title}</h3>
            {architecture.samples_url ? (
              <Picture src={architecture.samples_url} alt={t.train.drawnBy(architecture.samples_of ?? "")} />
            ) : (
              <span class="picture unseen">
                <Icon name="inference" size={28} />
                {t.train.unseen}
              </span>
            )}
            <p>{architecture.summary}</p>
            <span class="row">
              {conditionsOf(architecture).map((condition) => (
                <span class="tag" key={condition}>
                  {t.train.conditionings[condition] ?? condition}
                </span>
              ))}
              {estimate && preset && <span>{costWords(preset, estimate)}</span>}
            </span>
            <Paper paper={architecture.paper} name={architecture.paper_title} />
          </Card>
        );
      })}
    </Group>
  );
}

/** "quick: about 2 minutes, 1.2 M weights, 0.8 GB of memory", as far as it is known. */
function costWords(preset: string, { seconds, parameters, memory }: Estimate): string {
  const known = [
    seconds !== null && roughly(seconds),
    parameters !== null && t.train.weights(short(parameters)),
    memory !== null && t.train.memory(bytes(memory)),
  ].filter(Boolean);
  return known.length > 0 ? t.train.cost(title(preset), known.join(", ")) : "";
}

/** 1_234_567 → "1.2 M" */
function short(count: number): string {
  return new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 2 }).format(count);
}

/** What its images can be asked for by: where it is a choice, all that can be chosen. */
function conditionsOf({ conditioning, hyperparameters }: Architecture): string[] {
  return hyperparameters.properties?.conditions?.enum?.map(String) ?? [conditioning];
}

/** Addresses become links with the paper's title; any other citation stays text. */
function Paper({ paper, name }: { paper: string; name: string }) {
  const arxiv = /\b\d{4}\.\d{4,5}\b/.exec(paper)?.[0];
  const href = arxiv ? `https://arxiv.org/abs/${arxiv}` : /^https?:\/\//.test(paper) ? paper : undefined;
  const words = [name, arxiv && `arXiv ${arxiv}`].filter(Boolean).join(", ");
  return href ? (
    <a class="paper" href={href} target="_blank" rel="noreferrer">
      {words || t.train.paper}
    </a>
  ) : (
    <span class="paper">{paper}</span>
  );
}

interface DatasetChoiceProps extends ChoiceProps<Dataset> {
  conditioning: string; // what a set must have
}

export function DatasetChoice({ all, chosen, error, onChoose, conditioning }: DatasetChoiceProps) {
  return (
    <Group name="dataset" legend={t.train.dataset} error={error} width="14rem" chosen={chosen} onChoose={onChoose}>
      {all.map((dataset) => (
        <Card
          key={dataset.name}
          value={dataset.name}
          class={`dataset-card ${lacking(conditioning, dataset) ? "unfit" : ""}`}
        >
          <Picture src={samplesUrl(dataset.name, 25, 64)} alt="" />
          <h3>{dataset.title}</h3>
          <p>{dataset.summary}</p>
          <DatasetTags dataset={dataset} />
          <Lacking need={lacking(conditioning, dataset)} />
        </Card>
      ))}
    </Group>
  );
}

function Lacking({ need }: { need: Need | null }) {
  return need && <span class="tag told">{t.train.lacks[need]}</span>;
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
        label={t.train.begin}
        help={names.length > 0 ? t.train.beginHelp : t.train.beginNone}
        value={model ?? ""}
        error={error}
        options={[["", t.train.newWeights], ...names.map((name): [string, string] => [name, name])]}
        onChoose={(name) => onChoose(name ? `${name}@${latest(name)}` : undefined)}
      />
      {model && (
        <SelectField
          label={t.train.version}
          help={t.train.versionHelp}
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
function size(values: Values): string[] {
  return [budget(values), t.train.pixels(String(values.resolution)), t.train.batches(String(values.batch_size))];
}

/** How long a run lasts: minutes or epochs where they are given, else steps. */
export function budget({ steps, epochs, minutes }: Values): string {
  if (typeof minutes === "number") return t.train.minutes(minutes);
  if (typeof epochs === "number") return t.train.epochs(epochs);
  return t.train.steps(number(Number(steps)));
}

export function PresetChoice({ architecture, fields, chosen, error, onChoose }: PresetChoiceProps) {
  return (
    <Group name="preset" legend={t.train.preset} error={error} width="13rem" chosen={chosen} onChoose={onChoose}>
      {Object.entries(architecture.presets).map(([name, values]) => {
        const estimate = architecture.estimates[name];
        return (
          <Card key={name} value={name}>
            <h3>{title(name)}</h3>
            {t.train.presets[name] && <p>{t.train.presets[name]}</p>}
            <span>
              {estimate?.seconds ? capital(roughly(estimate.seconds)) : t.train.unknownTime}
              {estimate?.basis && <span class="small soft"> {t.train.basis(estimate.basis, estimate.runs)}</span>}
            </span>
            <span class="row">
              {size(baseline(fields, values)).map((words) => (
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
