/** How a run is measured: on its way, so that its best generator is published, and when it is done. The address holds every choice. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Architecture, Metric, TrainingRequest } from "../api/types";
import { SelectField, SwitchField, TextField } from "../components/fields";
import { useResource } from "../lib/resource";
import { titleThrough, usualFirst } from "../lib/scores";
import type { Changes, Query } from "../lib/url";

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
        Measuring{" "}
        <span class="small soft">
          {measured
            ? [query.scoring && "on the way", chosen.length > 0 && "when it is done"].filter(Boolean).join(" and ")
            : "not asked for"}
        </span>
      </summary>
      <div class="panel stack">
        <div class="fields">
          <SelectField
            label="On the way"
            help="Measured every few minutes, with few pictures: its curve is drawn over the steps."
            value={query.scoring ?? ""}
            error={errors.scoring}
            options={[
              ["", "nothing"],
              ...fitting.map((metric): [string, string] => [metric.name, titleThrough(metric, network)]),
            ]}
            onChoose={(name) => change({ scoring: name || undefined })}
          />
          {query.scoring && (
            <>
              <TextField
                label="Minutes between"
                help="From the end of one measurement to the next; the training waits meanwhile."
                value={query["scoring.minutes"] ?? "10"}
                error={Number(query["scoring.minutes"] ?? 10) > 0 ? undefined : "Write a number above 0."}
                onText={(text) => change({ "scoring.minutes": text })}
                numeric
              />
              <TextField
                label="Pictures each time"
                help="Few, so that the training goes on; the curve is comparable with those of as many."
                value={query["scoring.images"] ?? "1000"}
                error={
                  asked === null && Number(query["scoring.minutes"] ?? 10) > 0
                    ? "Write a whole number from 2."
                    : undefined
                }
                onText={(text) => change({ "scoring.images": text })}
                numeric
              />
              <SwitchField
                label="Publish the best"
                help="The generator of the best step becomes the version, instead of the last one."
                on={query["scoring.last"] === undefined}
                error={undefined}
                onSwitch={(on) => change({ "scoring.last": on ? undefined : "1" })}
              />
            </>
          )}
        </div>
        <div class="field">
          <div class="field-label" id="when-done">
            When it is done
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
          <span class="field-help">An evaluation of 5,000 pictures follows the run, for the leaderboard.</span>
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
