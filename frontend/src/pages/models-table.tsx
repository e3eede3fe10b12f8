// biome-ignore-all lint/a11y/noRedundantRoles: on a phone its parts are displayed as blocks, of which not every browser makes a table again

/** The versions of a model: a table, and on a phone a block of lines for each. */

import type { ScoreBrief, Version } from "../api/types";
import { Picture, useNow } from "../components/pieces";
import { ago, bytes, duration } from "../lib/format";
import { columns, scoreIn } from "../lib/models";
import { arrows, withError } from "../lib/scores";
import { t } from "../strings";
import { AliasTags, nameOf, versionUrl } from "./models-pieces";

const columnsAtMost = 4;

/** What stands above a column of scores, in one line: there is no room above on a phone. */
function measuredBy({ metric, better, network }: ScoreBrief): string {
  return `${metric.toUpperCase()} ${arrows[better]} ${network === "inception" ? "" : network}`;
}

interface VersionTableProps {
  versions: Version[];
  chosen: number[];
  onChoose: (version: number) => void;
  onDelete: (version: number) => void;
}

export function VersionTable({ versions, chosen, onChoose, onDelete }: VersionTableProps) {
  const words = t.models;
  const now = useNow(60);
  const measured = columns(versions, columnsAtMost);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a table that is wider than its place is moved by the keyboard as well
    <section class="version-scroll" aria-labelledby="versions" tabIndex={0}>
      <table class="version-table" role="table">
        <thead role="rowgroup">
          <tr role="row">
            {versions.length > 1 && (
              <th scope="col" role="columnheader">
                <span class="hidden-visually">{words.compare}</span>
              </th>
            )}
            <th scope="col" role="columnheader">
              {words.columns.version}
            </th>
            {measured.map((column) => (
              <th key={`${column.metric} ${column.network}`} scope="col" role="columnheader">
                <abbr title={column.title}>{column.metric.toUpperCase()}</abbr> {arrows[column.better]}
                {column.network !== "inception" && <span class="tiny soft"> {column.network}</span>}
              </th>
            ))}
            <th scope="col" role="columnheader">
              {words.columns.size}
            </th>
            <th scope="col" role="columnheader">
              {words.columns.trained}
            </th>
            <th scope="col" role="columnheader">
              {words.columns.created}
            </th>
            <th scope="col" role="columnheader">
              <span class="hidden-visually">{words.deleteVersion}</span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {versions.map((version) => (
            <tr role="row" key={version.version}>
              {versions.length > 1 && (
                <td role="cell">
                  <input
                    type="checkbox"
                    aria-label={words.compareThis(nameOf(version))}
                    checked={chosen.includes(version.version)}
                    onChange={() => onChoose(version.version)}
                  />
                </td>
              )}
              <th scope="row" role="rowheader">
                <a class="version-line" href={versionUrl(version)}>
                  <Picture src={version.samples_url} alt="" class="strip" />
                  <span class="stack tight">
                    <strong>{words.version(version.version)}</strong>
                    <span class="row">
                      <AliasTags aliases={version.aliases} />
                    </span>
                    {version.note && <span class="small soft note-line">{version.note}</span>}
                  </span>
                </a>
              </th>
              {measured.map((column) => {
                const score = scoreIn(version, column);
                return (
                  <td
                    key={`${column.metric} ${column.network}`}
                    role="cell"
                    data-label={measuredBy(column)}
                    title={score ? undefined : words.unmeasured}
                  >
                    {score ? withError({ value: score.value, error: null }) : "–"}
                  </td>
                );
              })}
              <td role="cell" data-label={words.columns.size}>
                {bytes(version.bytes)}
              </td>
              <td role="cell" data-label={words.columns.trained}>
                {duration(version.training.seconds)}
              </td>
              <td role="cell" data-label={words.columns.created}>
                {ago(version.created_at, now)}
              </td>
              <td role="cell">
                <button
                  class="plain"
                  type="button"
                  aria-label={`${words.deleteVersion} ${nameOf(version)}`}
                  onClick={() => onDelete(version.version)}
                >
                  {words.deleteVersion}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
