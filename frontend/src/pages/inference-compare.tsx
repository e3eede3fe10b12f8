/** Two versions, the same seeds: in pairs, or one upon the other with an edge that all pictures share. */

import { useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Compared, Model, Version } from "../api/types";
import { Icon } from "../components/Icon";
import { Picture, ProblemNote } from "../components/pieces";
import { canOf, shared } from "../lib/abilities";
import { nextOfKin } from "../lib/models";
import { useResource } from "../lib/resource";
import { stays, useRest } from "../lib/rest";
import { largestSeed, rolled, seedBody, seedsOf } from "../lib/seeds";
import { useShortcuts } from "../lib/shortcuts";
import { address } from "../lib/url";
import { wishesOf } from "../lib/wishes";
import { useWorking } from "../lib/working";
import { t } from "../strings";
import { AsCode } from "./inference-code";
import { Controls } from "./inference-controls";
import { BusyNote, Easel, type ModeProps } from "./inference-mode";
import { VersionChoice } from "./inference-version";
import { crisp } from "./inference-wall";

const usual = 8; // images
const most = 16;
const soon = 300; // milliseconds after other seeds or versions were asked for

export function Compare({ models, version, can, query, change }: ModeProps) {
  const words = t.inference.compare;
  const other = useOther(models, version, query.b);
  const b = other.version;
  const both = other.can ? shared(can, other.can) : can;
  const seeds = seedsOf({ ...query, locked: "" }, usual, most);
  const valid = "all" in seeds ? seeds : null;
  const [made, setMade] = useState<Compared>();
  const [edge, setEdge] = useState(50);
  const { busy, problem, work } = useWorking(`${version.model}@${version.version} ${b?.model}@${b?.version}`);
  const names = [version, b].map((one) => `${one?.model}@${one?.version}`);
  const body = valid && { versions: names, ...wishesOf(query, both), ...seedBody(valid) };
  const key = b && other.can && body ? JSON.stringify(body) : null;
  const chosen = JSON.stringify([names, valid && seedBody(valid)]);
  const drawn = useRef({ key, chosen });
  const draw = async () => {
    if (!body || !key) return;
    callOff();
    drawn.current = { key, chosen };
    const answer = await work(() => api.compare(body));
    if (answer) setMade(answer);
  };
  const callOff = useRest(key, chosen === drawn.current.chosen ? stays : soon, draw);
  const toCome = busy === "no" && key !== null && key !== drawn.current.key; // nothing moves while one drags
  const dice = () => change({ seed: rolled() });
  useShortcuts({ d: dice, " ": draw, Enter: draw });

  const wipe = query.view === "wipe";
  const [ofA, ofB] = made?.items ?? [];
  return (
    <Easel
      controls={
        <Controls can={both} query={query} change={change}>
          <p class="small soft">{words.both}</p>
          <a
            class="small"
            href={address("/metrics/compare", { a: names[0], b: names[1], seed: query.seed, count: query.count })}
          >
            {words.scores}
          </a>
        </Controls>
      }
    >
      <div class="draw-bar">
        <div class="field">
          <span class="field-label">{words.with}</span>
          <VersionChoice
            models={models}
            model={other.model}
            versions={other.versions}
            version={b}
            named="B "
            beside={version}
            onChoose={(model, number) => change({ b: number ? `${model}@${number}` : model })}
          />
        </div>
        <label class="field">
          <span class="field-label">{t.inference.draw.seed}</span>
          <input
            inputMode="numeric"
            value={query.seed ?? "0"}
            onInput={(e) => change({ seed: e.currentTarget.value })}
          />
        </label>
        <button class="quiet square" type="button" onClick={dice} aria-label={t.inference.draw.roll}>
          <Icon name="dice" />
        </button>
        <label class="field">
          <span class="field-label">{t.inference.draw.count}</span>
          <input
            inputMode="numeric"
            value={query.count ?? String(usual)}
            onInput={(e) => change({ count: e.currentTarget.value })}
          />
        </label>
        <div class="chips" role="radiogroup" aria-label={words.view}>
          {(["pairs", "wipe"] as const).map((view) => (
            <label class="chip" key={view}>
              <input
                type="radio"
                name="view"
                checked={wipe === (view === "wipe")}
                onChange={() => change({ view: view === "wipe" ? view : undefined })}
              />
              {words.views[view]}
            </label>
          ))}
        </div>
        <BusyNote busy={toCome ? "drawing" : busy} done={made ? words.drawn(made.seeds.length) : ""} />
      </div>
      {!valid && (
        <p class="field-error" role="alert">
          {seeds.first === null ? t.inference.draw.badSeed(largestSeed) : t.inference.draw.badCount(most)}
        </p>
      )}
      <ProblemNote problem={other.problem ?? problem} />
      <div class="row apart compare-names">
        <strong>
          A <span class="soft">{ofA?.version ?? names[0]}</span>
        </strong>
        {wipe && (
          <input
            type="range"
            class="grow"
            min={0}
            max={100}
            value={edge}
            aria-label={words.edge}
            aria-valuetext={words.edgeValue(edge)}
            onInput={(e) => setEdge(e.currentTarget.valueAsNumber)}
          />
        )}
        <strong>
          B <span class="soft">{ofB?.version ?? (b ? names[1] : "…")}</span>
        </strong>
      </div>
      <div class={wipe ? "kept-wall wiped" : "kept-wall paired"} style={{ "--edge": `${edge}%` }}>
        {made?.seeds.map((seed, index) => (
          <figure class="tile" key={index}>
            <div class={wipe ? "wipe" : "pair"}>
              {[ofA, ofB].map((side, place) => (
                <Picture
                  key={side?.version ?? place}
                  src={side?.images[index]?.url ?? ""}
                  alt={words.image(place === 0 ? "A" : "B", seed)}
                  class={crisp(version)}
                />
              ))}
            </div>
            <figcaption>
              <span class="seed">{seed}</span>
            </figcaption>
          </figure>
        ))}
      </div>
      {body && made && <AsCode recipe={{ url: "/api/v1/comparisons", body }} file="compared.png" />}
    </Easel>
  );
}

/** The version that stands beside: the one before of the same model, where there is one, else of the model that compares best. */
function useOther(models: Model[], version: Version, written: string | undefined) {
  const [name, text] = (written ?? "").split("@");
  const before = version.version > 1 ? version.model : undefined;
  const elsewhere = nextOfKin(models, version)?.name;
  const model = models.find((one) => one.name === name)?.name ?? before ?? elsewhere ?? version.model;
  const versions = useResource(`versions ${model}`, () => api.versions(model));
  const latest = models.find((one) => one.name === model)?.latest?.version;
  const usual = !written && model === version.model ? version.version - 1 || 1 : latest;
  const number = text && /^\d+$/.test(text) ? Number(text) : usual;
  const found = versions.data?.find((one) => one.version === number) ?? versions.data?.[0];
  const key = found ? `abilities ${found.model} ${found.version}` : null;
  const abilities = useResource(key, () => api.abilities(model, found?.version ?? 0));
  return {
    model,
    version: found,
    versions: versions.data ?? [],
    can: abilities.data && canOf(abilities.data, found?.dials),
    problem: versions.problem ?? abilities.problem,
  };
}
