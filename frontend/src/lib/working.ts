/** One request at a time, and what can be said of it meanwhile. The newest is the one that counts. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import { patiently } from "./patience";
import { asProblem } from "./resource";

export type Busy = "no" | "drawing" | "loading" | number; // seconds until it is tried again

const loaded = new Set<string>(); // versions that have answered since the page was opened
const unusual = 800; // milliseconds, after which a version that has not answered yet is said to be loading

export interface Working {
  busy: Busy;
  problem: Problem | null;
  setProblem: (problem: Problem | null) => void;
  /** Undefined where it was refused, which `problem` says, or overtaken by another. */
  work: <T>(call: () => Promise<T>) => Promise<T | undefined>;
}

/** `version` names what has to be loaded before it can answer. */
export function useWorking(version: string): Working {
  const [busy, setBusy] = useState<Busy>("no");
  const [problem, setProblem] = useState<Problem | null>(null);
  const turn = useRef(0);
  useEffect(
    () => () => {
      turn.current = -1;
    },
    [],
  );
  const work = useCallback(
    async <T>(call: () => Promise<T>): Promise<T | undefined> => {
      turn.current += 1;
      const mine = turn.current;
      const current = () => turn.current === mine;
      setBusy("drawing");
      const timer = setTimeout(() => current() && !loaded.has(version) && setBusy("loading"), unusual);
      try {
        const answer = await patiently(call, (seconds) => current() && setBusy(seconds || "drawing"));
        loaded.add(version);
        if (!current()) return undefined;
        setProblem(null);
        return answer;
      } catch (reason) {
        if (current()) setProblem(asProblem(reason));
        return undefined;
      } finally {
        clearTimeout(timer);
        if (current()) setBusy("no");
      }
    },
    [version],
  );
  return { busy, problem, setProblem, work };
}
