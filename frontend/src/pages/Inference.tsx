/** An instrument for a version: what it can do, and nothing else. The address holds version, mode and all that is asked for. */

import type { FunctionComponent } from "preact";
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Model, Version } from "../api/types";
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
  const models = useResource("models", api.models);
  const drawable = models.data?.filter((model) => model.latest !== null);
  if (!drawable || drawable.length === 0)
    return (
      <div class="page">
        <PageHead title={t.inference.title} />
        <ProblemNote problem={models.problem} />
        {!drawable && !models.problem && <Loading />}
        {drawable && (
          <p class="empty">
            {t.inference.none} <a href="/train">{t.inference.train}</a>
          </p>
        )}
      </div>
    );
  return <Studio models={drawable} />;
}

function Studio({ models }: { models: Model[] }) {
  const [query, change] = useQuery();
  const [helping, help] = useState(false);
  const model = models.find((m) => m.name === query.model) ?? newest(models);
  const versions = useResource(`versions ${model.name}`, () => api.versions(model.name));
  const known = [...(versions.data ?? []), ...(model.latest ? [model.latest] : [])];
  const version = known.find((one) => String(one.version) === (query.version ?? String(model.latest?.version)));
  const key = version && `abilities ${version.model} ${version.version}`;
  const abilities = useResource(key ?? null, () => api.abilities(model.name, version?.version ?? 0));
  const can = abilities.data && canOf(abilities.data, version?.dials);
  const mode = modeOf(query, can?.layers !== null);
  const Chosen = modes[mode];
  useShortcuts({ "?": () => help(true) });
  return (
    <div class="page studio">
      <PageHead
        title={t.inference.title}
        tab={t.inference.tab(model.name)}
        actions={
          <VersionChoice
            models={models}
            model={model.name}
            versions={known}
            version={version}
            onChoose={(name, number) =>
              change({ ...(name === model.name ? {} : forgotten(query)), model: name, version: number })
            }
          />
        }
      />
      <div class="row apart">
        <nav class="modes" aria-label={t.inference.modesLabel}>
          {(Object.keys(modes) as Mode[])
            .filter((name) => name !== "mix" || can?.layers != null)
            .map((name) => (
              <a
                key={name}
                href={address("/inference", { ...query, mode: name })}
                aria-current={name === mode ? "page" : undefined}
              >
                {t.inference.modes[name]}
              </a>
            ))}
        </nav>
        <button class="plain" type="button" onClick={() => help(true)}>
          {t.inference.shortcuts.open} <kbd>?</kbd>
        </button>
      </div>
      <ProblemNote problem={versions.problem ?? abilities.problem} />
      {version && can ? (
        <Chosen
          key={`${mode} ${version.model} ${version.version}`}
          models={models}
          version={version}
          can={can}
          query={query}
          change={change}
          reload={() => {
            versions.reload();
            abilities.reload();
          }}
        />
      ) : version || !versions.data ? (
        !abilities.problem && !versions.problem && <Loading />
      ) : (
        <p class="empty">{t.inference.gone(model.name, query.version ?? "")}</p>
      )}
      {helping && <ShortcutsDialog onClose={() => help(false)} />}
    </div>
  );
}

function modeOf({ mode }: Query, mixes: boolean): Mode {
  const known = (Object.keys(modes) as Mode[]).find((name) => name === mode) ?? "draw";
  return known === "mix" && !mixes ? "draw" : known;
}

/** `models` has at least one entry, each with a version. */
function newest(models: Model[]): Model {
  return models.reduce((a, b) => (created(b) > created(a) ? b : a));
}

function created({ latest }: { latest: Version | null }): string {
  return latest?.created_at ?? "";
}
