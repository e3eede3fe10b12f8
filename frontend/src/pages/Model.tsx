/** One model: its versions side by side, two of them drawing the same seeds, and who had which alias. */

import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Model as ModelShape, Version } from "../api/types";
import { Loading, PageHead, Picture, ProblemNote } from "../components/pieces";
import { moment } from "../lib/format";
import { compared, toggled } from "../lib/models";
import { asProblem, useResource } from "../lib/resource";
import { address, useQuery } from "../lib/url";
import { changed, useFresh } from "../stores/models";
import { t } from "../strings";
import "../styles/models.css";
import { discardModel, discardVersion, modelUrl, Note, nameOf } from "./models-pieces";
import { VersionTable } from "./models-table";

const seeds = [1, 2, 3, 4, 5, 6];

export default function Model() {
  const name = useRoute().params.name ?? "";
  const model = useResource(`model ${name}`, () => api.model(name));
  const versions = useResource(`versions ${name}`, () => api.versions(name));
  useFresh(model, versions);
  if (model.data && versions.data && model.problem?.status !== 404)
    return <ModelView key={name} model={model.data} versions={versions.data} />;
  const problem = model.problem ?? versions.problem;
  return (
    <div class="page">
      <PageHead title={problem ? name : "…"} tab={t.shell.tab(name)} />
      <ProblemNote problem={problem} />
      {problem?.status === 404 && (
        <p class="row">
          <a class="button" href="/models">
            {t.models.toModels}
          </a>
          <a class="button quiet" href="/models?bin=open">
            {t.models.toBin}
          </a>
        </p>
      )}
      {!problem && <Loading />}
    </div>
  );
}

function ModelView({ model, versions }: { model: ModelShape; versions: Version[] }) {
  const words = t.models;
  const { route } = useLocation();
  const [query, change] = useQuery();
  const [problem, setProblem] = useState<Problem | null>(null);
  const attempt = (deed: () => Promise<unknown>) =>
    deed().then(
      () => setProblem(null),
      (reason: unknown) => setProblem(asProblem(reason)),
    );
  const chosen = compared(query.compare).filter((number) => versions.some(({ version }) => version === number));
  const [a, b] = chosen.map((number) => versions.find(({ version }) => version === number));
  return (
    <div class="page">
      <PageHead
        title={model.name}
        actions={
          <div class="row">
            <a
              class="button"
              href={address("/inference", { model: model.name, version: String(model.latest.version) })}
            >
              {words.draw}
            </a>
            <button
              class="quiet"
              type="button"
              onClick={() => attempt(() => discardModel(model.name, () => route("/models")))}
            >
              {words.deleteModel}
            </button>
          </div>
        }
      >
        <Note
          label={words.modelNote}
          note={model.note}
          onSave={async (note) => {
            await api.noteModel(model.name, note);
            changed();
          }}
        />
      </PageHead>
      <ProblemNote problem={problem} />
      {a && b && <Comparison a={a} b={b} onClose={() => change({ compare: undefined })} />}
      <section class="stack" aria-labelledby="versions">
        <div class="row apart">
          <h2 id="versions">{words.allVersions}</h2>
          {versions.length > 1 && !(a && b) && <span class="small soft">{words.compareHint}</span>}
        </div>
        <VersionTable
          versions={versions}
          chosen={chosen}
          onChoose={(version) => change({ compare: toggled(chosen, version) })}
          onDelete={(version) =>
            attempt(() => discardVersion(model.name, version, versions.length > 1 ? changed : () => route("/models")))
          }
        />
      </section>
      <AliasHistory name={model.name} />
    </div>
  );
}

/** What two versions draw from the same seeds, one below the other. */
function Comparison({ a, b, onClose }: { a: Version; b: Version; onClose: () => void }) {
  const words = t.models;
  const names = [nameOf(a), nameOf(b)];
  const made = useResource(`compare ${names.join(" ")}`, () => api.compare({ versions: names, seeds }));
  const more = { model: a.model, version: String(a.version), mode: "compare", b: nameOf(b) };
  return (
    <section class="panel stack" aria-labelledby="compare">
      <div class="row apart">
        <h2 id="compare">{words.sameSeeds}</h2>
        <div class="row">
          <a class="small" href={address("/inference", more)}>
            {words.compareMore}
          </a>
          <a class="small" href={address("/metrics/compare", { a: names[0], b: names[1] })}>
            {words.compareScores}
          </a>
          <button class="quiet" type="button" onClick={onClose}>
            {t.common.close}
          </button>
        </div>
      </div>
      <ProblemNote problem={made.problem} />
      {names.map((name, index) => (
        <div key={name} class="compared">
          <strong>{name}</strong>
          {seeds.map((seed, place) => {
            const image = made.data?.items[index]?.images[place];
            return image ? (
              <Picture key={seed} src={image.url} alt={words.drawnBy(name, seed)} class="crisp" />
            ) : (
              <div key={seed} class="picture" />
            );
          })}
        </div>
      ))}
    </section>
  );
}

function AliasHistory({ name }: { name: string }) {
  const words = t.models;
  const history = useResource(`aliases ${name}`, () => api.aliases(name));
  useFresh(history);
  const { data } = history;
  if (!data || data.length === 0) return null;
  return (
    <section class="stack" aria-labelledby="alias-history">
      <h2 id="alias-history">{words.aliasHistory}</h2>
      <ul class="quotes">
        {data.map((term) => (
          <li key={`${term.alias} ${term.since}`}>
            <span class={`tag ${term.until ? "" : "best"}`}>{term.alias}</span>{" "}
            {term.deleted ? (
              `${name}@${term.version}`
            ) : (
              <a href={`${modelUrl(name)}/${term.version}`}>
                {name}@{term.version}
              </a>
            )}{" "}
            <span class="soft">
              {term.until
                ? words.aliasThen(moment(term.since), moment(term.until))
                : words.aliasNow(moment(term.since))}
              {term.deleted && `, ${words.aliasInBin}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
