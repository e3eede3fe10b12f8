/** How a run is measured: on its way, so that its best generator is published, and when it is done. The address holds every choice. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Architecture, Metric, TrainingRequest } from "../api/types";
import { SelectField, SwitchField, TextField } from "../components/fields";
import { useResource } from "../lib/resource";
import { titleThrough, usualFirst } from "../lib/scores";
import type { Changes, Query } from "../lib/url";
import { t } from "../strings";

const network = "lite0"; // the one that is always here

/** What the address asks for; null where a number in it is none. */
export function measuringOf(query: Query): Pick<TrainingRequest, "scoring" | "evaluate"> | null {
  const evaluate = query.evaluate?.split(",").filter(Boolean) ?? [];
  if (!query.scoring) return { scoring: null, evaluate };
  const [minutes, images] = [Number(query["scoring.minutes"] ?? 10), Number(query["scoring.images"] ?? 1000)];
  if (!(minutes > 0) || !Number.isInteger(images) || images < 2) return null;
  return {
    scoring: {
      metric: query.scoring,
      every_minutes: minutes,
      num_samples: images,
      num_real: 5000,
      keep_best: query["scoring.last"] === undefined,
    },
    evaluate,
  };
}

interface MeasuringProps {
  architecture: Architecture;
  query: Query;
  errors: Record<string, string>;
  change: (changes: Changes) => void;
}

export function Measuring({ architecture, query, errors, change }: MeasuringProps) {
  const known = useResource("metrics", api.metricKinds).data ?? [];
  const measured = query.scoring !== undefined || query.evaluate !== undefined;
  const [opened, setOpened] = useState(measured);
  const wrong = errors.scoring !== undefined || errors.evaluate !== undefined;
  useEffect(() => {
    if (wrong) setOpened(true);
  }, [wrong]);
  const fitting = usualFirst(known).filter((metric) => mayFit(metric, architecture));
  const chosen = query.evaluate?.split(",").filter(Boolean) ?? [];
  const toggle = (name: string) => {
    const next = chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name];
    change({ evaluate: next.length > 0 ? next.join(",") : undefined });
  };
  const asked = measuringOf(query);
  return (
    <details open={opened} onToggle={(e) => setOpened(e.currentTarget.open)}>
      <summary>
        {t.train.measuring.title}{" "}
        <span class="small soft">
          {measured
            ? [query.scoring && t.train.measuring.onTheWay, chosen.length > 0 && t.train.measuring.atTheEnd]
                .filter((words) => typeof words === "string")
                .join(t.train.measuring.and)
            : t.train.measuring.none}
        </span>
      </summary>
      <div class="panel stack">
        <div class="fields">
          <SelectField
            label={t.train.measuring.way}
            help={t.train.measuring.wayHelp}
            value={query.scoring ?? ""}
            error={errors.scoring}
            options={[
              ["", t.train.measuring.nothing],
              ...fitting.map((metric): [string, string] => [metric.name, titleThrough(metric, network)]),
            ]}
            onChoose={(name) => change({ scoring: name || undefined })}
          />
          {query.scoring && (
            <>
              <TextField
                label={t.train.measuring.minutes}
                help={t.train.measuring.minutesHelp}
                value={query["scoring.minutes"] ?? "10"}
                error={Number(query["scoring.minutes"] ?? 10) > 0 ? undefined : t.train.measuring.noMinutes}
                onText={(text) => change({ "scoring.minutes": text })}
                numeric
              />
              <TextField
                label={t.train.measuring.pictures}
                help={t.train.measuring.picturesHelp}
                value={query["scoring.images"] ?? "1000"}
                error={
                  asked === null && Number(query["scoring.minutes"] ?? 10) > 0
                    ? t.train.measuring.noPictures
                    : undefined
                }
                onText={(text) => change({ "scoring.images": text })}
                numeric
              />
              <SwitchField
                label={t.train.measuring.best}
                help={t.train.measuring.bestHelp}
                on={query["scoring.last"] === undefined}
                error={undefined}
                onSwitch={(on) => change({ "scoring.last": on ? undefined : "1" })}
              />
            </>
          )}
        </div>
        <div class="field">
          <div class="field-label" id="when-done">
            {t.train.measuring.end}
          </div>
          <fieldset class="chips bare" aria-labelledby="when-done">
            {fitting.map((metric) => (
              <label class="chip" key={metric.name} title={metric.summary}>
                <input type="checkbox" checked={chosen.includes(metric.name)} onChange={() => toggle(metric.name)} />
                {titleThrough(metric, network)}
              </label>
            ))}
          </fieldset>
          {errors.evaluate && <span class="field-error">{errors.evaluate}</span>}
          <span class="field-help">{t.train.measuring.endHelp}</span>
        </div>
      </div>
    </details>
  );
}

/** Whether versions of the architecture can have what the metric needs; hyper-parameters may still say no, and then the server does. */
function mayFit({ needs }: Metric, { conditioning }: Architecture): boolean {
  const kinds: Record<string, string> = { captions: "text", classes: "class", classifier: "class" };
  return needs.every(({ name }) => kinds[name] === undefined || kinds[name] === conditioning);
}
