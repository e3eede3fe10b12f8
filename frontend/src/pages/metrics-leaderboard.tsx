/** Versions by their scores. What was measured otherwise stands on another board, and never in the same column. */

import { Fragment } from "preact";
import { useEffect } from "preact/hooks";
import { api } from "../api/client";
import type { Score, Version } from "../api/types";
import { EvaluationRow } from "../components/EvaluationRow";
import { Loading, Picture, ProblemNote } from "../components/pieces";
import { number } from "../lib/format";
import { isLive } from "../lib/job";
import { useResource } from "../lib/resource";
import { arrows, type Board, boards, type Column, measured, type Row, sorted, standing } from "../lib/scores";
import { address, useQuery } from "../lib/url";
import { hidden } from "../stores/hidden";
import { evaluationsOf, jobs, remember } from "../stores/jobs";
import { t } from "../strings";
import { MeasureForm } from "./metrics-form";
import { ScoreRecord } from "./metrics-record";

const words = t.metrics.board;

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
          <h2 id="measuring">{words.measuring}</h2>
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
            <h2 id="board">{t.metrics.leaderboard}</h2>
            {all.length > 1 ? (
              <label class="board-choice">
                <span class="small soft">{words.alike}</span>
                <select value={board.key} onChange={(e) => change({ board: e.currentTarget.value, sort: undefined })}>
                  {all.map(({ key, words: circumstances, rows }) => (
                    <option key={key} value={key}>
                      {words.choice(circumstances, rows.length)}
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
        <strong>{words.nothing}</strong>
        {words.scoreTells}
      </p>
      <div class="row">
        <a class="button" href={address("/metrics", { measure: "" })}>
          {t.metrics.measure}
        </a>
        <a class="button quiet" href="/train">
          {words.train}
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
    <section class="board-scroll" aria-label={words.table} tabIndex={0}>
      <table class="board">
        <thead>
          <tr>
            <th scope="col">{t.metrics.version("")}</th>
            {board.columns.map((column) => (
              <th
                key={column.comparable}
                scope="col"
                aria-sort={
                  column !== by ? "none" : (column.better === "lower") === worstFirst ? "descending" : "ascending"
                }
              >
                <button class="plain" type="button" onClick={() => sort(column)} title={words.sortBy(column.title)}>
                  <span class="title">{column.title}</span>
                  <span class="soft">
                    {arrows[column.better]} {t.metrics.better[column.better]}
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
          <span class="small soft">{words.pictures}</span>
        </span>
      </span>
    );
  const other = best?.model && best.version ? `${best.model}@${best.version}` : undefined;
  return (
    <span class="subject">
      {version ? (
        <Picture class="strip" src={version.samples_url} alt={t.models.samplesOf(subject)} />
      ) : (
        <span class="strip" />
      )}
      <span>
        <a href={address("/inference", { model, version: String(numbered) })}>
          {model} <span class="soft">v{numbered}</span>
        </a>
        <span class="small soft">
          {version ? t.models.on(version.architecture, version.dataset) : "…"}
          {truncation !== null && `, ψ ${number(truncation)}`}
        </span>
        <a
          class="small"
          href={address("/metrics/compare", {
            a: `${model}@${numbered}`,
            b: other === `${model}@${numbered}` ? undefined : other,
          })}
          aria-label={words.compare(`${model} v${numbered}`, other)}
        >
          {t.metrics.compare}
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
      title={words.how}
      onClick={() => onOpen(score.id)}
    >
      <strong>{value}</strong>
      {error !== null && <span class="soft"> ± {error}</span>}
      {stands && (
        <Fragment>
          {" "}
          <span class={`tag ${stands}`} title={stands === "level" ? words.levelMeans : undefined}>
            {words[stands]}
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
