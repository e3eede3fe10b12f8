/** What images can be turned to: sliders of what a discovery has found, or the button that starts one. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Job, Version } from "../api/types";
import { JobActions } from "../components/JobActions";
import { JobProgress, ProblemNote, Trouble } from "../components/pieces";
import { Slider } from "../components/Slider";
import { percent, title } from "../lib/format";
import { isLive, progressWords } from "../lib/job";
import { asProblem } from "../lib/resource";
import type { Changes, Query } from "../lib/url";
import { dialled, found, withDial } from "../lib/wishes";
import { discoveriesOf, jobs, remember } from "../stores/jobs";

const wellSeen = 0.6; // of 1, where 0.5 is a guess: what is seen worse can't be turned
const many = 14;

/** Its data set has something to see. */
export function canBeTurned(version: Version | undefined): version is Version {
  const of = version?.manifest.dataset;
  return of !== undefined && of.class_names.length + (of.attribute_names?.length ?? 0) > 0;
}

interface DialProps {
  version: Version;
  query: Query;
  change: (changes: Changes) => void;
  onFound: () => void; // the version has dials by now
}

export function Dial(props: DialProps) {
  return (
    <section class="stack close" aria-label="Dial">
      <div class="row apart">
        <h2>Dial</h2>
        {props.version.dials && <SetBack {...props} />}
      </div>
      {props.version.dials ? <Dials {...props} dials={props.version.dials} /> : <Search {...props} />}
    </section>
  );
}

function SetBack({ version, query, change }: DialProps) {
  const touched = Object.keys(dialled(query, version) ?? {});
  if (touched.length === 0) return null;
  return (
    <button
      class="plain"
      type="button"
      onClick={() => change(Object.assign({}, ...touched.map((name) => withDial(name, undefined))))}
    >
      Set {touched.length === 1 ? "it" : `all ${touched.length}`} back
    </button>
  );
}

function Dials({ version, query, change, dials }: DialProps & { dials: NonNullable<Version["dials"]> }) {
  const [sought, seek] = useState("");
  const values = dialled(query, version) ?? {};
  const accuracies = new Map(dials.map(({ name, accuracy }) => [name, accuracy]));
  const seen = dials.filter(({ accuracy }) => (accuracy ?? 1) >= wellSeen).map(({ name }) => name);
  const hidden = dials.length - seen.length;
  const names = [...seen, ...Object.keys(values).filter((name) => !seen.includes(name))];
  return (
    <>
      <p class="small soft">
        Each image is turned until this is seen in it, as surely as you say; the rest hardly changes.
      </p>
      {names.length > many && (
        <input
          type="search"
          aria-label={`Find in ${names.length} dials`}
          placeholder={`Find in ${names.length}`}
          value={sought}
          onInput={(e) => seek(e.currentTarget.value)}
          onKeyDown={(e) => e.key === "Enter" && e.preventDefault()}
        />
      )}
      <div class="sliders many">
        {found(names, sought, (name) => name in values).map((name) => (
          <Slider
            key={name}
            label={title(name)}
            value={values[name]}
            rest={0.5}
            resting="as it is drawn"
            min={0}
            max={1}
            step={0.05}
            words={percent}
            onChange={(value) => change(withDial(name, value))}
            hint={told(accuracies.get(name) ?? null)}
          />
        ))}
      </div>
      {hidden > 0 && (
        <p class="small soft">{hidden === 1 ? "One more is" : `${hidden} more are`} seen too poorly to be turned.</p>
      )}
    </>
  );
}

function told(accuracy: number | null): string | undefined {
  return accuracy === null ? undefined : `Told right in ${percent(accuracy)} of pictures kept apart`;
}

function Search({ version, onFound }: DialProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asking, setAsking] = useState(false);
  const job = discoveriesOf(jobs.value).find((job) => job.dataset === version.dataset && job.model === version.model);
  const done = job?.status === "succeeded";
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once
  useEffect(() => {
    if (done) onFound();
  }, [done]);

  const start = async () => {
    setAsking(true);
    setProblem(null);
    try {
      const told = await api.discover(version.model, version.version);
      remember([told]);
      if (told.status === "succeeded") onFound();
    } catch (reason) {
      setProblem(asProblem(reason));
    }
    setAsking(false);
  };

  return (
    <>
      <p class="small soft">
        A small network learns to see what {version.dataset} says of its pictures; then each of it can be turned in
        these images. It takes a minute or so.
      </p>
      {job && isLive(job.status) ? (
        <Searching job={job} onProblem={setProblem} />
      ) : (
        <button class="quiet" type="button" disabled={asking} onClick={start}>
          {asking ? "Starting…" : "Find directions"}
        </button>
      )}
      {job && !isLive(job.status) && <Trouble job={job} />}
      <ProblemNote problem={problem} />
    </>
  );
}

function Searching({ job, onProblem }: { job: Job; onProblem: (problem: Problem | null) => void }) {
  return (
    <>
      <div class="row apart">
        <span class="small">{progressWords(job)}</span>
        <JobActions job={job} onProblem={onProblem} />
      </div>
      <JobProgress job={job} />
    </>
  );
}
