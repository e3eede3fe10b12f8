/** First steps for a newcomer: the server knows which are done, and the panel goes when all are, or when it is put away. */

import { useEffect } from "preact/hooks";
import { samplesUrl } from "../api/addresses";
import { api } from "../api/client";
import type { FirstStep, Version } from "../api/types";
import { Icon } from "../components/Icon";
import { Picture } from "../components/pieces";
import { useResource } from "../lib/resource";
import { address } from "../lib/url";
import { putStepsAway, stepsPutAway } from "../stores/put-away";
import { t } from "../strings";

interface FirstStepsProps {
  ended: number; // jobs that have ended: another one may have been a step
  versions: Version[];
}

export function FirstSteps({ ended, versions }: FirstStepsProps) {
  const { data, reload } = useResource("first steps", api.firstSteps);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a job that ended may have been a step
  useEffect(reload, [ended]);
  const todo = data?.filter(({ done }) => !done) ?? [];
  if (!data || todo.length === 0 || stepsPutAway.value) return null;
  const fresh = todo.length === data.length;
  return (
    <section class="panel stack newcomer" aria-labelledby="first-steps">
      <div class="row apart">
        <h2 id="first-steps">{t.home.steps.title}</h2>
        <span class="row small soft">
          {t.home.steps.done(data.length - todo.length, data.length)}
          <button class="plain" type="button" onClick={putStepsAway}>
            {t.home.steps.dismiss}
          </button>
        </span>
      </div>
      {fresh && <p class="soft">{t.home.steps.lead}</p>}
      <ol class="first-steps">
        {data.map((step) => (
          <Step key={step.step} step={step} next={step === todo[0]} href={placeOf(step.step, versions)} />
        ))}
      </ol>
      {fresh && <Shapes />}
    </section>
  );
}

function Step({ step: { step, done }, next, href }: { step: FirstStep; next: boolean; href: string }) {
  const { title, text } = t.home.steps[step];
  return (
    <li class={done ? "soft" : undefined}>
      <span class={`tick ${done ? "done" : ""}`}>{done && <Icon name="check" size={16} />}</span>
      <span class="stack tight">
        <a href={href} class={next ? "button" : undefined}>
          {title}
        </a>
        {done && <span class="hidden-visually">{t.home.steps.isDone}</span>}
        {!done && <span class="small soft">{text}</span>}
      </span>
    </li>
  );
}

function placeOf(step: FirstStep["step"], versions: Version[]): string {
  const at = (version: Version | undefined) =>
    address("/inference", { model: version?.model, version: version && String(version.version) });
  switch (step) {
    case "train":
      return address("/train", { architecture: "dcgan", dataset: "shapes", preset: "debug", model: "first" });
    case "draw":
      return at(versions[0]);
    case "steer":
      return at(versions.find(({ conditioning }) => conditioning !== "none") ?? versions[0]);
    case "stylize":
      return "/style";
    case "score":
      return "/metrics";
  }
}

/** What there is to learn from. */
function Shapes() {
  const datasets = useResource("datasets", api.datasets).data?.slice(0, 3) ?? [];
  return (
    <div class="pictures" aria-hidden="true">
      {datasets.map(({ name }) => (
        <Picture key={name} src={samplesUrl(name, 16, 64)} alt="" />
      ))}
    </div>
  );
}
