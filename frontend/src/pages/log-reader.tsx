/** One log: its lines, those of a level, what is looked for in them. All of that stands in the address. */

import { useCallback, useRef, useState } from "preact/hooks";
import { logUrl } from "../api/addresses";
import { Icon } from "../components/Icon";
import { type LinesHandle, LogLines } from "../components/LogLines";
import { Loading, ProblemNote } from "../components/pieces";
import { levels, type Selection } from "../lib/log";
import { useLog } from "../lib/reading";
import { address, useQuery } from "../lib/url";
import { toast } from "../stores/toasts";
import { t } from "../strings";

interface LogReaderProps {
  name: string;
  follow: boolean; // whether a process still writes it
}

export function LogReader({ name, follow }: LogReaderProps) {
  const [query, change] = useQuery();
  const { log, grown, read, problem } = useLog(name, follow);
  const [selection, setSelection] = useState<{ now: Selection; matches: number }>();
  const [following, setFollowing] = useState(true);
  const lines = useRef<LinesHandle>(null);
  const level = levels.find((known) => known === query.level) ?? "info";
  const find = query.find ?? "";
  const line = /^[1-9]\d{0,8}$/.test(query.line ?? "") ? Number(query.line) : undefined;
  const onSelection = useCallback((now: Selection) => setSelection({ now, matches: now.found.length }), []);

  const seek = (backwards: boolean) => {
    const next = selection?.now.nextMatch(line === undefined ? -1 : line - 1, backwards);
    if (next !== undefined) change({ line: String(next + 1) });
  };
  const copy = async () => {
    const shown = selection?.now.shown ?? [];
    await navigator.clipboard.writeText(shown.map((index) => `${log.lines[index]}\n`).join(""));
    toast(t.log.copied(shown.length));
  };

  if (problem?.status === 404)
    return (
      <p class="empty">
        {t.log.missing(name)} <a href="/logs">{t.log.toAll}</a>
      </p>
    );
  const count = selection?.now.shown.length ?? 0;
  const position = selection && line !== undefined ? selection.now.placeOf(line - 1) : 0;
  return (
    <section class="stack close" aria-labelledby="log-name">
      <div class="row apart">
        <h2 id="log-name" class="mono">
          {name}
        </h2>
        <div class="row">
          {"clipboard" in navigator && (
            <button class="quiet" type="button" onClick={copy}>
              {t.log.copy}
            </button>
          )}
          <a class="button quiet" href={logUrl(name)} download={name}>
            <Icon name="save" size={18} /> {t.log.download}
          </a>
        </div>
      </div>
      <ProblemNote problem={problem} />
      <search class="log-tools" aria-label={t.log.tools}>
        <input
          type="search"
          aria-label={t.log.find}
          placeholder={t.log.find}
          value={find}
          onInput={(e) => change({ find: e.currentTarget.value || undefined })}
          onKeyDown={(e) => {
            if (e.key !== "Enter") return;
            e.preventDefault();
            seek(e.shiftKey);
          }}
        />
        <button
          class="quiet square"
          type="button"
          disabled={!find}
          onClick={() => seek(true)}
          aria-label={t.log.previous}
        >
          <Icon name="up" />
        </button>
        <button class="quiet square" type="button" disabled={!find} onClick={() => seek(false)} aria-label={t.log.next}>
          <Icon name="down" />
        </button>
        <span class="soft small log-count" role="status">
          {find && selection && t.log.matches(position, selection.matches)}
        </span>
        <select
          class="filter"
          aria-label={t.log.level}
          value={level}
          onChange={(e) => change({ level: e.currentTarget.value === "info" ? undefined : e.currentTarget.value })}
        >
          {levels.map((known) => (
            <option key={known} value={known}>
              {t.log.levels[known]}
            </option>
          ))}
        </select>
        <label>
          <input
            type="checkbox"
            checked={query.wrap === "1"}
            onChange={(e) => change({ wrap: e.currentTarget.checked ? "1" : undefined })}
          />
          {t.log.wrap}
        </label>
      </search>
      {!read && log.lines.length === 0 ? (
        <Loading />
      ) : read && log.lines.length === 0 ? (
        <p class="empty">{follow ? t.log.emptyYet : t.log.empty}</p>
      ) : (
        <LogLines
          name={name}
          log={log}
          grown={grown}
          wanted={{ level, find }}
          wrap={query.wrap === "1"}
          height="max(15rem, 100dvh - 19rem)"
          line={line}
          address={(line) => address(`/logs/${name}`, { ...query, line: String(line) })}
          onFollowing={setFollowing}
          onSelection={onSelection}
          handle={lines}
        />
      )}
      <div class="row apart small soft">
        <span>
          {level === "info" ? t.log.lines(log.lines.length) : t.log.linesOf(count, log.lines.length)}
          {follow && `, ${following ? t.log.following : t.log.notFollowing}`}
        </span>
        <button
          class="plain"
          type="button"
          aria-pressed={following}
          onClick={() => {
            change({ line: undefined });
            lines.current?.toEnd();
          }}
        >
          {follow ? t.log.follow : t.log.toEnd}
        </button>
      </div>
    </section>
  );
}
