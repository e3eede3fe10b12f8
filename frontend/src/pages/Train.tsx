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
import { conditioningOf, costsOtherwise, secondsOf } from "../lib/fit";
import { roughly, title } from "../lib/format";
import { asProblem, useResource } from "../lib/resource";
import { baseline, chosen, differing, edit, encode, errorsOf, fieldsOf, grouped } from "../lib/schema";
import { below, type Changes, replaced, useQuery } from "../lib/url";
import { remember } from "../stores/jobs";
import { t } from "../strings";
import { ArchitectureChoice, budget, DatasetChoice, PresetChoice, StartFromChoice } from "./train-choices";
import { Differences } from "./train-differences";
import { Measuring, measuringOf } from "./train-measuring";
import { Unfit } from "./train-unfit";

export default function Train() {
  const architectures = useResource("architectures", api.architectures);
  const datasets = useResource("datasets", api.datasets);
  const models = useResource("models", api.models);
  const problem = architectures.problem ?? datasets.problem ?? models.problem;
  return (
    <div class="page">
      <PageHead title={t.train.title}>
        <p class="lead">{t.train.lead}</p>
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
  if (!architecture || !dataset) return <p class="empty">{t.train.nothing}</p>;

  const preset = query.preset && query.preset in architecture.presets ? query.preset : defaultPreset(architecture);
  const base = baseline(fields, preset ? architecture.presets[preset] : {});
  const optionBase = baseline(options);
  const drafts = differing(fields, base, below(query, "hp."));
  const optionDrafts = differing(options, optionBase, below(query, "data."));
  const model = query.model ?? `${dataset.name}-${architecture.name}`;
  const seed = query.seed ?? "0";
  const priority = priorities.includes(query.priority ?? "") ? (query.priority ?? "0") : "0";

  const hyper = chosen(fields, drafts);
  const data = chosen(options, optionDrafts);
  const measuring = measuringOf(query);
  const own = fieldErrors(problem);
  const seedError = /^\d{1,15}$/.test(seed.trim()) ? own.seed : t.train.noSeed;
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
  const values = { ...base, ...hyper.values };
  const conditioning = conditioningOf(architecture, values);
  const edited = (changes: Changes) => {
    setProblem(null);
    change(changes);
  };

  const estimate = preset === undefined ? undefined : architecture.estimates[preset];
  const seconds = secondsOf(estimate, base, values, dataset.num_images);
  const rough = costsOtherwise(Object.keys(drafts), values) && values.minutes === null;
  const told = seconds !== null && (rough && preset ? t.train.asPreset(roughly(seconds), preset) : roughly(seconds));

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
        presetOf={(other) => (query.preset && query.preset in other.presets ? query.preset : defaultPreset(other))}
      />
      <div class="stack">
        <DatasetChoice
          all={datasets}
          chosen={dataset.name}
          error={own.dataset}
          onChoose={(name) => edited({ dataset: name })}
          conditioning={conditioning}
        />
        <Unfit
          architecture={architecture}
          fields={fields}
          conditioning={conditioning}
          dataset={dataset}
          all={datasets}
          onWay={(way) => edited({ "hp.conditions": way === base.conditions ? undefined : way })}
        />
        <Details
          title={t.train.options(dataset.title)}
          fields={options}
          drafts={optionDrafts}
          from={t.train.defaults}
          errors={optionErrors}
        >
          <SchemaForm
            fields={options}
            base={optionBase}
            origin={t.train.default}
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
            title={t.train.groups[group] ?? title(group)}
            fields={members}
            drafts={drafts}
            from={preset ?? t.train.defaults}
            errors={{ ...errorsOf(members, hyper.errors), ...errorsOf(members, hyperErrors) }}
          >
            <SchemaForm
              fields={members}
              base={base}
              origin={preset ?? t.train.default}
              drafts={drafts}
              errors={hyperErrors}
              onChange={(next) => edited(replaced(query, "hp.", next))}
            />
          </Details>
        ))}
      </div>
      <Measuring architecture={architecture} query={query} errors={own} change={edited} />
      <section class="stack" aria-labelledby="naming">
        <h2 id="naming">{t.train.naming}</h2>
        <div class="fields">
          <TextField
            label={t.train.model}
            help={t.train.modelHelp}
            value={model}
            error={own.model}
            onText={(text) => edited({ model: text })}
          />
          <TextField
            label={t.train.seed}
            help={t.train.seedHelp}
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
            label={t.train.queue}
            help={t.train.queueHelp}
            value={priority}
            error={own.priority}
            options={priorities.map((value): [string, string] => [value, t.train.priorities[value] ?? value])}
            onChoose={(value) => edited({ priority: value === "0" ? undefined : value })}
          />
        </div>
      </section>
      <Differences
        fields={fields}
        base={base}
        drafts={drafts}
        from={preset ?? t.train.defaults}
        onReset={(names) =>
          edited(
            replaced(
              query,
              "hp.",
              names.reduce((kept, field) => edit(kept, field, base, encode(field, base[field.name] ?? null)), drafts),
            ),
          )
        }
      />
      {!shownAtFields && <ProblemNote problem={problem} />}
      <div class="start-bar">
        <span>
          <strong>{model || "…"}</strong>
          <span class="soft"> · {t.train.summary(architecture.title, dataset.title, budget(values))}</span>
          {told && <span class="soft"> · {told}</span>}
        </span>
        <button type="submit" disabled={starting || wrong > 0 || model.trim() === ""}>
          {starting ? t.common.starting : wrong > 0 ? t.train.toMend(wrong) : t.train.start}
        </button>
      </div>
    </form>
  );
}

const priorities = ["0", "10", "-10"];

/** "quick" where there is one: pictures in minutes. */
function defaultPreset({ presets }: Architecture): string | undefined {
  return "quick" in presets ? "quick" : Object.keys(presets)[0];
}
