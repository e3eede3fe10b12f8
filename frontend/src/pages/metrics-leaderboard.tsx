/** Versions by their scores. What was measured otherwise stands on another board, and never in the same column. */

import { Fragment } from "preact";
import { useEffect } from "preact/hooks";
import { api } from "../api/client";
import type { Score, Version } from "../api/types";
import { EvaluationRow } from "../components/EvaluationRow";
import { Loading, Picture, ProblemNote } from "../components/pieces";
import { number, plural } from "../lib/format";
import { isLive } from "../lib/job";
import { useResource } from "../lib/resource";
import {
  arrows,
  type Board,
  betterWords,
  boards,
  type Column,
  measured,
  type Row,
  sorted,
  standing,
} from "../lib/scores";
import { address, useQuery } from "../lib/url";
import { hidden } from "../stores/hidden";
import { evaluationsOf, jobs, remember } from "../stores/jobs";
import { MeasureForm } from "./metrics-form";
import { ScoreRecord } from "./metrics-record";

export function Leaderboard() {
  const [query, change] = useQuery();
  const { data, problem, reload } = useResource("scores of versions", () => api.scores({ on_the_way: false }));
  const recent = useResource("evaluations", api.evaluations);
  useEffect(() => remember(recent.data ?? []), [recent.data]);
  const evaluations = evaluationsOf(jobs.value);
  const found = evaluations.reduce((sum, { evaluation }) => sum + evaluation.scores.length, 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: an evaluation that has found something has kept it
  useEffect(reload, [found]);

  const all = data ? boards(data) : [];
  const board = all.find(({ key }) => key === query.board) ?? all[0];
  const shown = evaluations.filter(
    ({ id, status }, index) =>
      isLive(status) || ((status === "failed" || status === "interrupted") && index < 3 && !hidden.value.includes(id)),
  );
  return (
    <>
      {query.measure !== undefined && <MeasureForm board={board} />}
      {shown.length > 0 && (
        <section class="stack close" aria-labelledby="measuring">
          <h2 id="measuring">Being measured</h2>
          {shown.map((job) => (
            <EvaluationRow key={job.id} job={job} />
          ))}
        </section>
      )}
      <ProblemNote problem={problem} />
      {!data && !problem && <Loading />}
      {data && !board && query.measure === undefined && <Nothing />}
      {board && (
        <section class="stack" aria-labelledby="board">
          <div class="stack tight">
            <h2 id="board">Leaderboard</h2>
            {all.length > 1 ? (
              <label class="board-choice">
                <span class="small soft">Measured alike, so that they can be compared:</span>
                <select value={board.key} onChange={(e) => change({ board: e.currentTarget.value, sort: undefined })}>
                  {all.map(({ key, words, rows }) => (
                    <option key={key} value={key}>
                      {words} · {plural(rows.length, "row")}
                    </option>
                  ))}
                </select>
              </label>
            ) : (
              <p class="soft">{board.words}</p>
            )}
          </div>
          <Table board={board} />
        </section>
      )}
    </>
  );
}

function Nothing() {
  return (
    <div class="empty stack close">
      <p>
        <strong>Nothing has been measured yet.</strong> A score tells how near a version’s pictures are to real ones,
        and how much of their variety it has. It takes a minute or a few.
      </p>
      <div class="row">
        <a class="button" href={address("/metrics", { measure: "" })}>
          Measure a version
        </a>
        <a class="button quiet" href="/train">
          Train one first
        </a>
      </div>
    </div>
  );
}

function Table({ board }: { board: Board }) {
  const [query, change] = useQuery();
  const versions = useVersions(board);
  const by = board.columns.find(({ comparable }) => comparable.startsWith(query.sort ?? "–")) ?? board.columns[0];
  const worstFirst = query.order === "worst";
  const rows = by ? sorted(board.rows, by, worstFirst) : board.rows;
  const opened = Number(query.score);
  const sort = (column: Column) =>
    change({
      sort: column.comparable.slice(0, 8),
      order: column === by && !worstFirst ? "worst" : undefined,
    });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="board-scroll" aria-label="Table of scores" tabIndex={0}>
      <table class="board">
        <thead>
          <tr>
            <th scope="col">Version</th>
            {board.columns.map((column) => (
              <th
                key={column.comparable}
                scope="col"
                aria-sort={
                  column !== by ? "none" : (column.better === "lower") === worstFirst ? "descending" : "ascending"
                }
              >
                <button class="plain" type="button" onClick={() => sort(column)} title={`Sort by ${column.title}`}>
                  <span class="title">{column.title}</span>
                  <span class="soft">
                    {arrows[column.better]} {betterWords[column.better]}
                    {column.apart && <>, {column.apart}</>}
                  </span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Line
              key={row.key}
              row={row}
              board={board}
              version={versions.find((v) => v.model === row.model && v.version === row.version)}
              best={rows[0] !== row && !worstFirst ? rows[0] : undefined}
              opened={opened}
              onOpen={(id) => change({ score: id === opened ? undefined : String(id) })}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface LineProps {
  row: Row;
  board: Board;
  version: Version | undefined;
  best: Row | undefined;
  opened: number;
  onOpen: (id: number) => void;
}

function Line({ row, board, version, best, opened, onOpen }: LineProps) {
  const record = board.columns
    .flatMap(({ comparable }) => row.cells.get(comparable) ?? [])
    .find(({ id }) => id === opened);
  return (
    <>
      <tr>
        <th scope="row">
          <Subject row={row} version={version} best={best} />
        </th>
        {board.columns.map((column) => (
          <td key={column.comparable}>
            <span class="name" aria-hidden="true">
              {column.title}
            </span>
            <Cell
              score={row.cells.get(column.comparable)}
              board={board}
              column={column}
              opened={opened}
              onOpen={onOpen}
            />
          </td>
        ))}
      </tr>
      {record && (
        <tr class="record" id={`record-${record.id}`}>
          <td colSpan={board.columns.length + 1}>
            <ScoreRecord score={record} onClose={() => onOpen(record.id)} />
          </td>
        </tr>
      )}
    </>
  );
}

function Subject({ row, version, best }: Pick<LineProps, "row" | "version" | "best">) {
  const { subject, model, version: numbered, truncation } = row;
  if (model === null || numbered === null)
    return (
      <span class="subject">
        <span class="strip" />
        <span>
          <strong>{subject}</strong>
          <span class="small soft">a set of pictures</span>
        </span>
      </span>
    );
  const other = best?.model && best.version ? `${best.model}@${best.version}` : undefined;
  return (
    <span class="subject">
      {version ? (
        <Picture class="strip" src={version.samples_url} alt={`Samples of ${subject}`} />
      ) : (
        <span class="strip" />
      )}
      <span>
        <a href={address("/inference", { model, version: String(numbered) })}>
          {model} <span class="soft">v{numbered}</span>
        </a>
        <span class="small soft">
          {version ? `${version.architecture} on ${version.dataset}` : "…"}
          {truncation !== null && `, ψ ${number(truncation)}`}
        </span>
        <a
          class="small"
          href={address("/metrics/compare", {
            a: `${model}@${numbered}`,
            b: other === `${model}@${numbered}` ? undefined : other,
          })}
          aria-label={`Compare ${model} v${numbered} with ${other ?? "another"}`}
        >
          Compare
        </a>
      </span>
    </span>
  );
}

interface CellProps {
  score: Score | undefined;
  board: Board;
  column: Column;
  opened: number;
  onOpen: (id: number) => void;
}

function Cell({ score, board, column, opened, onOpen }: CellProps) {
  if (!score) return <span class="soft">–</span>;
  const [value, error] = measured(score);
  const stands = standing(board.rows, column).get(score.id);
  const open = opened === score.id;
  return (
    <button
      class="plain cell"
      type="button"
      aria-expanded={open}
      aria-controls={open ? `record-${score.id}` : undefined}
      title="How it was measured"
      onClick={() => onOpen(score.id)}
    >
      <strong>{value}</strong>
      {error !== null && <span class="soft"> ± {error}</span>}
      {stands && (
        <Fragment>
          {" "}
          <span
            class={`tag ${stands}`}
            title={
              stands === "level"
                ? "It can't be told from the best: they differ by no more than their errors"
                : undefined
            }
          >
            {stands === "best" ? "best" : "as good"}
          </span>
        </Fragment>
      )}
    </button>
  );
}

/** Of the board's models, every version: what they are and how their samples look. */
function useVersions({ rows }: Board): Version[] {
  const models = [...new Set(rows.flatMap(({ model }) => model ?? []))].sort();
  const read = async () => (await Promise.all(models.map((model) => api.versions(model).catch(() => [])))).flat();
  return useResource(`versions of ${models.join()}`, read).data ?? [];
}
