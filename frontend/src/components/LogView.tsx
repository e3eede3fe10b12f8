/** A log at the foot of a page: its end, as it grows. */

import { useRef, useState } from "preact/hooks";
import { useLog } from "../lib/reading";
import { address } from "../lib/url";
import { t } from "../strings";
import { type LinesHandle, LogLines } from "./LogLines";
import { ProblemNote } from "./pieces";

const all = { level: "info", find: "" } as const;

interface LogViewProps {
  name: string;
  height: string;
  follow: boolean; // whether a process still writes it
}

export function LogView({ name, height, follow }: LogViewProps) {
  const { log, grown, problem } = useLog(name, follow);
  const [following, setFollowing] = useState(true);
  const lines = useRef<LinesHandle>(null);
  return (
    <div class="stack tight">
      <ProblemNote problem={problem} />
      <LogLines
        name={name}
        log={log}
        grown={grown}
        wanted={all}
        wrap={false}
        height={height}
        address={(line) => address(`/logs/${name}`, { line: String(line) })}
        onFollowing={setFollowing}
        handle={lines}
      />
      <div class="row apart small soft">
        <span>
          {t.log.lines(log.lines.length)}
          {follow && `, ${following ? t.log.following : t.log.notFollowing}`}
        </span>
        {!following && (
          <button class="plain" type="button" onClick={() => lines.current?.toEnd()}>
            {t.log.toEnd}
          </button>
        )}
      </div>
    </div>
  );
}
