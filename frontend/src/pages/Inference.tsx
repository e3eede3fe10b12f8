/** An instrument for a version: what it can do, and nothing else. The address holds version, mode and all that is asked for. */

import type { FunctionComponent } from "preact";
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Model } from "../api/types";
import { Loading, PageHead, ProblemNote } from "../components/pieces";
import { canOf } from "../lib/abilities";
import { useResource } from "../lib/resource";
import { useShortcuts } from "../lib/shortcuts";
import { address, type Query, useQuery } from "../lib/url";
import { forgotten } from "../lib/wishes";
import { t } from "../strings";
import "../styles/inference.css";
import { Compare } from "./inference-compare";
import { Draw } from "./inference-draw";
import { History } from "./inference-history";
import { Mix } from "./inference-mix";
import type { ModeProps } from "./inference-mode";
import { Project } from "./inference-project";
import { ShortcutsDialog } from "./inference-shortcuts";
import { VersionChoice } from "./inference-version";
import { Walk } from "./inference-walk";

type Mode = keyof typeof t.inference.modes;

const modes: Record<Mode, FunctionComponent<ModeProps>> = {
  draw: Draw,
  walk: Walk,
  mix: Mix,
  project: Project,
  compare: Compare,
  history: History,
};

export default function Inference() {
  const [query, change] = useQuery();
  const [helping, help] = useState(false);
  const { models, model, versions, version, problem, reload } = useChosen(query);
  const key = version && `abilities ${version.model} ${version.version}`;
  const abilities = useResource(key ?? null, () => api.abilities(version?.model ?? "", version?.version ?? 0));
  const can = abilities.data && canOf(abilities.data, version?.dials);
  const mode = modeOf(query, can?.layers !== null);
  const Chosen = modes[mode];
  const choose = (name: string, number: string | undefined) =>
    change({ ...(name === model?.name ? {} : forgotten(query)), model: name, version: number });
  useShortcuts({ "?": () => help(true) });
  return (
    <div class="page studio">
      <PageHead
        title={t.inference.title}
        tab={model && t.inference.tab(model.name)}
        actions={
          models &&
          models.length > 0 && (
            <VersionChoice
              models={models}
              model={model?.name ?? ""}
              versions={versions ?? []}
              version={version}
              onChoose={choose}
            />
          )
        }
      />
      {model && <Modes mode={mode} query={query} mixes={can?.layers != null} onHelp={() => help(true)} />}
      <ProblemNote problem={problem ?? abilities.problem} />
      {models?.length === 0 && (
        <p class="empty">
          {t.inference.none} <a href="/train">{t.inference.train}</a>
        </p>
      )}
      {models && models.length > 0 && !version && (!model || versions) && (
        <p class="empty">{t.inference.gone(query.model ?? model?.name ?? "", query.version)}</p>
      )}
      {((!models && !problem) || (model && !problem && !abilities.problem && !can && (version || !versions))) && (
        <Loading />
      )}
      {models && version && can && (
        <Chosen
          key={`${mode} ${version.model} ${version.version}`}
          models={models}
          version={version}
          can={can}
          query={query}
          change={change}
          reload={() => {
            reload();
            abilities.reload();
          }}
        />
      )}
      {helping && <ShortcutsDialog onClose={() => help(false)} />}
    </div>
  );
}

interface ModesProps {
  mode: Mode;
  query: Query;
  mixes: boolean;
  onHelp: () => void;
}

function Modes({ mode, query, mixes, onHelp }: ModesProps) {
  const shown = (Object.keys(modes) as Mode[]).filter((name) => name !== "mix" || mixes);
  return (
    <div class="row apart">
      <nav class="modes" aria-label={t.inference.modesLabel}>
        {shown.map((name) => (
          <a
            key={name}
            href={address("/inference", { ...query, mode: name })}
            aria-current={name === mode ? "page" : undefined}
          >
            {t.inference.modes[name]}
          </a>
        ))}
      </nav>
      <button class="plain" type="button" onClick={onHelp}>
        {t.inference.shortcuts.open} <kbd>?</kbd>
      </button>
    </div>
  );
}

/** The version that the address names, or the newest of all; undefined while it is not known, or where there is no such version. */
function useChosen(query: Query) {
  const all = useResource("models", api.models);
  const models = all.data?.filter(({ latest }) => latest !== null);
  const model = query.model === undefined ? models && newest(models) : models?.find(({ name }) => name === query.model);
  const read = useResource(model ? `versions ${model.name}` : null, () => api.versions(model?.name ?? ""));
  const known = [...(read.data ?? []), ...(model?.latest ? [model.latest] : [])];
  const number = query.version ?? String(model?.latest?.version);
  return {
    models,
    model,
    versions: read.data,
    version: known.find((one) => String(one.version) === number),
    problem: all.problem ?? read.problem,
    reload: read.reload,
  };
}

function modeOf({ mode }: Query, mixes: boolean): Mode {
  const known = (Object.keys(modes) as Mode[]).find((name) => name === mode) ?? "draw";
  return known === "mix" && !mixes ? "draw" : known;
}

function newest(models: Model[]): Model | undefined {
  return [...models].sort((a, b) => created(b).localeCompare(created(a)))[0];
}

function created({ latest }: Model): string {
  return latest?.created_at ?? "";
}
