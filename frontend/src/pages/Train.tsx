/** Choose an architecture, a data set and a preset, change what should differ, and start. The address holds every choice. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api } from "../api/client";
import { fieldErrors, type Problem } from "../api/problem";
import type { Architecture, Dataset, Model } from "../api/types";
import { Details } from "../components/Details";
import { SelectField, TextField } from "../components/fields";
import { Loading, PageHead, ProblemNote } from "../components/pieces";
import { SchemaForm } from "../components/SchemaForm";
import { plural, title } from "../lib/format";
import { asProblem, useResource } from "../lib/resource";
import { baseline, chosen, differing, errorsOf, fieldsOf, grouped, type Values } from "../lib/schema";
import { below, type Changes, replaced, useQuery } from "../lib/url";
import { remember } from "../stores/jobs";
import { ArchitectureChoice, budget, DatasetChoice, PresetChoice, StartFromChoice } from "./train-choices";
import { Measuring, measuringOf } from "./train-measuring";

export default function Train() {
  const architectures = useResource("architectures", api.architectures);
  const datasets = useResource("datasets", api.datasets);
  const models = useResource("models", api.models);
  const problem = architectures.problem ?? datasets.problem ?? models.problem;
  return (
    <div class="page">
      <PageHead title="Train">
        <p class="lead">Pick what learns and what it learns from. The presets are good starting points.</p>
      </PageHead>
      <ProblemNote problem={problem} />
      {architectures.data && datasets.data ? (
        <TrainForm architectures={architectures.data} datasets={datasets.data} models={models.data ?? []} />
      ) : (
        !problem && <Loading />
      )}
    </div>
  );
}

interface TrainFormProps {
  architectures: Architecture[];
  datasets: Dataset[];
  models: Model[];
}

function TrainForm({ architectures, datasets, models }: TrainFormProps) {
  const [query, change] = useQuery();
  const { route } = useLocation();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [starting, setStarting] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [problem]);

  const architecture = architectures.find((a) => a.name === query.architecture) ?? architectures[0];
  const dataset = datasets.find((d) => d.name === query.dataset) ?? datasets[0];
  const fields = useMemo(() => (architecture ? fieldsOf(architecture.hyperparameters) : []), [architecture]);
  const options = useMemo(() => (dataset ? fieldsOf(dataset.options) : []), [dataset]);
  if (!architecture || !dataset) return <p class="empty">The server offers nothing to train.</p>;

  const preset = query.preset && query.preset in architecture.presets ? query.preset : defaultPreset(architecture);
  const base = baseline(fields, preset ? architecture.presets[preset] : {});
  const optionBase = baseline(options);
  const drafts = differing(fields, base, below(query, "hp."));
  const optionDrafts = differing(options, optionBase, below(query, "data."));
  const model = query.model ?? `${dataset.name}-${architecture.name}`;
  const seed = query.seed ?? "0";
  const priority = priorities.find(([value]) => value === query.priority)?.[0] ?? "0";

  const hyper = chosen(fields, drafts);
  const data = chosen(options, optionDrafts);
  const measuring = measuringOf(query);
  const own = fieldErrors(problem);
  const seedError = /^\d{1,15}$/.test(seed.trim()) ? own.seed : "Write a whole number from 0.";
  const wrong =
    Object.keys(hyper.errors).length +
    Object.keys(data.errors).length +
    (seedError && !own.seed ? 1 : 0) +
    (measuring ? 0 : 1);
  const hyperErrors = fieldErrors(problem, "/hyperparameters");
  const optionErrors = fieldErrors(problem, "/dataset_options");
  const shown = { ...own, ...errorsOf(fields, hyperErrors), ...errorsOf(options, optionErrors) };
  const shownAtFields =
    problem !== null && problem.errors.length > 0 && Object.keys(shown).length >= problem.errors.length;
  const edited = (changes: Changes) => {
    setProblem(null);
    change(changes);
  };

  const start = async (event: Event) => {
    event.preventDefault();
    if (!measuring) return;
    setStarting(true);
    try {
      const job = await api.train({
        architecture: architecture.name,
        dataset: dataset.name,
        dataset_options: data.values,
        model,
        preset: preset ?? null,
        hyperparameters: hyper.values,
        seed: Number(seed),
        start_from: query.start_from ?? null,
        priority: Number(priority),
        ...measuring,
      });
      remember([job]);
      route(`/runs/${job.id}`);
    } catch (reason) {
      setProblem(asProblem(reason));
      setStarting(false);
    }
  };

  return (
    <form class="page" onSubmit={start} noValidate ref={form}>
      <ArchitectureChoice
        all={architectures}
        chosen={architecture.name}
        error={own.architecture}
        onChoose={(name) => edited({ architecture: name, start_from: undefined })}
      />
      <div class="stack">
        <DatasetChoice
          all={datasets}
          chosen={dataset.name}
          error={own.dataset}
          onChoose={(name) => edited({ dataset: name })}
        />
        <Details
          title={`Options of ${dataset.title}`}
          fields={options}
          drafts={optionDrafts}
          from="the defaults"
          errors={optionErrors}
        >
          <SchemaForm
            fields={options}
            base={optionBase}
            origin="default"
            drafts={optionDrafts}
            errors={optionErrors}
            onChange={(next) => edited(replaced(query, "data.", next))}
          />
        </Details>
      </div>
      <div class="stack">
        <PresetChoice
          architecture={architecture}
          fields={fields}
          chosen={preset}
          error={own.preset}
          onChoose={(name) => edited({ preset: name })}
        />
        {grouped(fields).map(([group, members]) => (
          <Details
            key={`${architecture.name} ${group}`}
            title={groupTitles[group] ?? title(group)}
            fields={members}
            drafts={drafts}
            from={preset ?? "the defaults"}
            errors={{ ...errorsOf(members, hyper.errors), ...errorsOf(members, hyperErrors) }}
          >
            <SchemaForm
              fields={members}
              base={base}
              origin={preset ?? "default"}
              drafts={drafts}
              errors={hyperErrors}
              onChange={(next) => edited(replaced(query, "hp.", next))}
            />
          </Details>
        ))}
      </div>
      <Measuring architecture={architecture} query={query} errors={own} change={edited} />
      <section class="stack" aria-labelledby="naming">
        <h2 id="naming">Name and beginning</h2>
        <div class="fields">
          <TextField
            label="Model"
            help="Its versions are published under this name: small letters, digits, dots and dashes."
            value={model}
            error={own.model}
            onText={(text) => edited({ model: text })}
          />
          <TextField
            label="Seed"
            help="The same seed and settings train the same model."
            value={seed}
            error={seedError}
            onText={(text) => edited({ seed: text })}
            numeric
          />
          <StartFromChoice
            models={models}
            architecture={architecture.name}
            chosen={query.start_from}
            error={own.start_from}
            onChoose={(version) => edited({ start_from: version })}
          />
          <SelectField
            label="Queue"
            help="When it starts, where other jobs wait as well."
            value={priority}
            error={own.priority}
            options={priorities}
            onChoose={(value) => edited({ priority: value === "0" ? undefined : value })}
          />
        </div>
      </section>
      {!shownAtFields && <ProblemNote problem={problem} />}
      <div class="start-bar">
        <span>
          <strong>{model || "…"}</strong>
          <span class="soft"> · {summary(architecture, dataset, base, hyper.values)}</span>
        </span>
        <button type="submit" disabled={starting || wrong > 0 || model.trim() === ""}>
          {starting ? "Starting…" : wrong > 0 ? `${plural(wrong, "field")} to mend` : "Start training"}
        </button>
      </div>
    </form>
  );
}

const groupTitles: Record<string, string> = { "": "Hyper-parameters", data: "Use of the data" };

const priorities: [string, string][] = [
  ["0", "in turn"],
  ["10", "before the others"],
  ["-10", "when nothing else waits"],
];

/** "quick" where there is one: pictures in minutes. */
function defaultPreset({ presets }: Architecture): string | undefined {
  return "quick" in presets ? "quick" : Object.keys(presets)[0];
}

function summary(architecture: Architecture, dataset: Dataset, base: Values, values: Values): string {
  return `${architecture.title} on ${dataset.title}, ${budget({ ...base, ...values })}`;
}
