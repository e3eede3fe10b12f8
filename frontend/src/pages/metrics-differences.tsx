/** How the scores of two versions differ, where they were measured alike; and the way to measure the others so. */

import { useEffect } from "preact/hooks";
import { api } from "../api/client";
import type { Score, Version } from "../api/types";
import { ProblemNote } from "../components/pieces";
import { useResource } from "../lib/resource";
import { arrows, circumstanceWords, difference, measured, withError } from "../lib/scores";
import { address } from "../lib/url";
import { evaluationsOf, jobs } from "../stores/jobs";
import { t } from "../strings";

const words = t.metrics.versus;

export function Differences({ a, b }: { a: Version; b: Version }) {
  const ofA = useScores(a);
  const ofB = useScores(b);
  const problem = ofA.problem ?? ofB.problem;
  if (problem) return <ProblemNote problem={problem} />;
  if (!ofA.data || !ofB.data) return null;
  const both = ofA.data.flatMap((score): [Score, Score][] => {
    const other = ofB.data?.find(({ comparable }) => comparable === score.comparable);
    return other ? [[score, other]] : [];
  });
  both.sort(([a], [b]) => a.title.localeCompare(b.title, "en"));
  const alone = (scores: Score[]) =>
    scores.filter(({ comparable }) => !both.some(([score]) => score.comparable === comparable));
  return (
    <section class="stack" aria-labelledby="differences">
      <h2 id="differences">{words.scores}</h2>
      {both.length > 0 ? (
        <table class="board">
          <thead>
            <tr>
              <th scope="col">{words.alike}</th>
              <th scope="col">A</th>
              <th scope="col">B</th>
              <th scope="col">{words.difference}</th>
              <th scope="col">{words.verdict}</th>
            </tr>
          </thead>
          <tbody>
            {both.map(([first, second]) => (
              <Compared key={first.comparable} first={first} second={second} />
            ))}
          </tbody>
        </table>
      ) : (
        <p class="empty">{words.nothing}</p>
      )}
      <Alone named="A" scores={alone(ofA.data)} other={b} otherNamed="B" />
      <Alone named="B" scores={alone(ofB.data)} other={a} otherNamed="A" />
      {ofA.data.length + ofB.data.length === 0 && (
        <div class="row">
          <a class="button quiet" href={address("/metrics", { measure: `${a.model}@${a.version}` })}>
            {words.measure("A")}
          </a>
          <a class="button quiet" href={address("/metrics", { measure: `${b.model}@${b.version}` })}>
            {words.measure("B")}
          </a>
        </div>
      )}
    </section>
  );
}

function Compared({ first, second }: { first: Score; second: Score }) {
  const found = difference(first, second);
  const [value, error] = measured(found);
  return (
    <tr>
      <th scope="row">
        <span class="stack tight">
          <span>{first.title}</span>
          <span class="small soft">
            {arrows[first.better]} {t.metrics.better[first.better]}. {circumstanceWords(first)}
          </span>
        </span>
      </th>
      <td>
        <span class="name">A</span> {withError(first)}
      </td>
      <td>
        <span class="name">B</span> {withError(second)}
      </td>
      <td>
        <span class="name">{words.difference}</span> {found.value > 0 && "+"}
        {value}
        {error !== null && ` ± ${error}`}
      </td>
      <td>
        <span class={`tag ${found.verdict === "first" || found.verdict === "second" ? "best" : ""}`}>
          {words.verdicts[found.verdict]}
        </span>
      </td>
    </tr>
  );
}

interface AloneProps {
  named: string;
  scores: Score[];
  other: Version;
  otherNamed: string;
}

/** What only one of both was measured by, and the way to measure the other alike. */
function Alone({ named, scores, other, otherNamed }: AloneProps) {
  const [of] = scores;
  if (!of) return null;
  const alike = scores.filter(({ job }) => job === of.job);
  const metrics = [...new Set(alike.map(({ metric }) => metric))];
  const network = alike.find(({ network }) => network !== "vgg16")?.network ?? "inception";
  const way = address("/metrics", {
    measure: `${other.model}@${other.version}`,
    "m.metrics": metrics.join(","),
    "m.images": String(of.num_generated),
    "m.network": network,
    "m.real": of.num_real === null ? undefined : String(of.num_real),
    "m.seed": of.seed === 0 ? undefined : String(of.seed),
  });
  return (
    <p class="small soft">
      {words.alone(named, scores.map((score) => `${score.title} (${withError(score)})`).join(", "))}
      <a href={way}>{words.measureAlike(otherNamed)}</a>
    </p>
  );
}

/** The newest of each kind; those without truncation first. */
function useScores({ model, version }: Version) {
  const read = useResource(`scores ${model} ${version}`, () => api.scores({ model, version, on_the_way: false }));
  const { reload } = read;
  const found = evaluationsOf(jobs.value).reduce((sum, { evaluation }) => sum + evaluation.scores.length, 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: an evaluation that has found something has kept it
  useEffect(reload, [found]);
  const kept = new Map<string, Score>();
  const ordered = [...(read.data ?? [])].sort(
    (a, b) => Number(a.truncation_psi !== null) - Number(b.truncation_psi !== null),
  );
  for (const score of ordered) if (!kept.has(score.comparable)) kept.set(score.comparable, score);
  return { data: read.data && [...kept.values()], problem: read.problem };
}
