/** Finds the latent from which a version draws a picture: one drops it, sees it approach, and moves on from there. */

import { useEffect, useState } from "preact/hooks";
import { referredUrl } from "../api/addresses";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Projection, Version } from "../api/types";
import { BeforeAfter } from "../components/BeforeAfter";
import { TextField } from "../components/fields";
import { JobActions } from "../components/JobActions";
import { PictureDrop } from "../components/PictureDrop";
import { JobProgress, Loading, Picture, ProblemNote, StatusMark, Trouble } from "../components/pieces";
import { Scrubber } from "../components/Scrubber";
import { useCourse } from "../lib/course";
import { ago } from "../lib/format";
import { isLive, progressWords } from "../lib/job";
import { asProblem, useResource } from "../lib/resource";
import { whole } from "../lib/seeds";
import { useDelivery } from "../lib/sending";
import { address } from "../lib/url";
import { wishesOf } from "../lib/wishes";
import { jobs, projectionsOf, remember } from "../stores/jobs";
import { t } from "../strings";
import { Controls } from "./inference-controls";
import { Easel, type ModeProps } from "./inference-mode";
import { crisp } from "./inference-wall";

const usualSteps = 200;
const mostSteps = 5000;

export function Project({ version, can, query, change }: ModeProps) {
  const { model, version: number } = version;
  const words = t.inference.project;
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asking, setAsking] = useState(false);
  const past = useResource("projections", api.projections);
  useEffect(() => {
    if (past.data) remember(past.data);
  }, [past.data]);
  const delivery = useDelivery((picture) => change({ picture: picture.id, projection: undefined }));
  const steps = whole(query.steps ?? String(usualSteps), 0, mostSteps);
  const shows = { ...can, attributes: can.attributes, dials: [], directions: [], options: [], latent: false };

  const start = async () => {
    if (!query.picture || steps === null) return;
    setAsking(true);
    setProblem(null);
    try {
      const { prompt, class_weights, attributes } = wishesOf(query, { ...shows, negative: false, mixedPrompts: false });
      const wished = Object.fromEntries(
        Object.entries({ prompt, class_weights, attributes }).filter(([, value]) => value != null),
      );
      const job = await api.project({ model, version: number, picture: query.picture, steps, ...wished });
      remember([job]);
      change({ projection: String(job.id) });
    } catch (reason) {
      setProblem(asProblem(reason));
    }
    setAsking(false);
  };
  const id = whole(query.projection, 1, Number.MAX_SAFE_INTEGER);
  const drop = (
    <PictureDrop
      label={words.drop}
      invitation={words.drop}
      help={words.square}
      delivery={delivery}
      picture={query.picture && referredUrl(query.picture, 512)}
      error={undefined}
    />
  );
  return (
    <Easel
      controls={
        <section class="panel stack wishes" aria-label={words.title}>
          {id !== null && drop}
          <TextField
            label={words.steps}
            help={words.stepsHelp}
            value={query.steps ?? String(usualSteps)}
            error={steps === null ? words.badSteps(mostSteps) : undefined}
            onText={(text) => change({ steps: text })}
            numeric
          />
          {(can.prompt || can.classes.length + can.attributes.length > 0) && (
            <details>
              <summary>{words.shows}</summary>
              <Controls can={{ ...shows, negative: false, mixedPrompts: false }} query={query} change={change} />
            </details>
          )}
          <button type="button" disabled={asking || !query.picture || steps === null} onClick={start}>
            {asking ? t.common.starting : words.start}
          </button>
          {!query.picture && <p class="small soft">{words.first}</p>}
          <ProblemNote problem={problem} />
        </section>
      }
    >
      {id === null ? (
        <div class="panel stack">
          <p class="lead">{words.lead}</p>
          {drop}
        </div>
      ) : (
        <Approach key={id} id={id} version={version} onNew={(job) => change({ projection: String(job.id) })} />
      )}
      <Past version={version} chosen={id} />
    </Easel>
  );
}

interface ApproachProps {
  id: number;
  version: Version;
  onNew: (job: { id: number }) => void;
}

function Approach({ id, version, onNew }: ApproachProps) {
  const words = t.inference.project;
  const [problem, setProblem] = useState<Problem | null>(null);
  const read = useResource(`projection ${id}`, () => api.projection(id));
  const job = (jobs.value.get(id) as Projection | undefined) ?? read.data;
  const course = useCourse(id, async (points) => {
    const [metrics, previews] = await Promise.all([api.projectionMetrics(id, points), api.projectionPreviews(id)]);
    return [metrics, previews];
  });
  if (!job) return read.problem ? <ProblemNote problem={read.problem} /> : <Loading />;
  const target = referredUrl(job.projection.picture, 512);
  const done = job.status === "succeeded";
  return (
    <section class="stack projection" aria-label={words.job(id)}>
      <div class="row apart">
        <StatusMark job={job} />
        <span class="small">{progressWords(job)}</span>
        <JobActions job={job} onProblem={setProblem} onNew={onNew}>
          {done && (
            <a
              class="button"
              href={address("/inference", {
                model: job.model ?? version.model,
                version: String(job.projection.version),
                mode: "draw",
                latent: String(id),
                count: "1",
              })}
            >
              {words.edit}
            </a>
          )}
        </JobActions>
      </div>
      {isLive(job.status) && <JobProgress job={job} />}
      <Trouble job={job} />
      <ProblemNote problem={problem ?? course.problem} />
      <div class="approach">
        <figure class="frame">
          <div class="mat">
            <Picture src={target} alt={words.target} class="square" />
          </div>
          <figcaption>{words.target}</figcaption>
        </figure>
        <Scrubber previews={course.previews} waiting={words.waiting} what={words.found}>
          {(preview) =>
            preview ? <Picture src={preview.url} alt={words.found} class={crisp(version)} /> : <div class="picture" />
          }
        </Scrubber>
      </div>
      {done && (
        <details>
          <summary>{words.beside}</summary>
          <BeforeAfter before={target} after={`/api/v1/projections/${id}/image`} alt={words.found} share={0.5} />
        </details>
      )}
    </section>
  );
}

function Past({ version, chosen }: { version: Version; chosen: number | null }) {
  const words = t.inference.project;
  const past = projectionsOf(jobs.value).filter(({ model, id }) => model === version.model && id !== chosen);
  if (past.length === 0) return null;
  return (
    <section class="stack close" aria-label={words.past}>
      <h2>{words.past}</h2>
      <ul class="past">
        {past.map((job) => (
          <li key={job.id}>
            <a
              href={address("/inference", {
                model: job.model ?? undefined,
                version: String(job.projection.version),
                mode: "project",
                picture: job.projection.picture,
                projection: String(job.id),
              })}
            >
              {job.preview ? <Picture src={job.preview} alt="" class={crisp(version)} /> : <span class="picture" />}
              <span class="small">{words.pastOne(job.id, ago(job.created_at))}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
