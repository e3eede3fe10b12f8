/** Reads from the server for a component, again after every reconnection, and shows the last answer meanwhile. */

import { useCallback, useEffect, useState } from "preact/hooks";
import { Problem } from "../api/problem";
import { epoch } from "../stores/events";
import { t } from "../strings";

export interface Resource<T> {
  data: T | undefined;
  problem: Problem | null;
  reload: () => void;
}

const answers = new Map<string, unknown>(); // the last answer by key, so that going back to a page shows it at once

/** A null key reads nothing. */
export function useResource<T>(key: string | null, read: () => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ key: string | null; data?: T; problem: Problem | null }>({ key, problem: null });
  const [asked, ask] = useState(0);
  const connections = epoch.value;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what `read` reads
  useEffect(() => {
    if (key === null) return;
    let current = true;
    read().then(
      (data) => {
        answers.set(key, data);
        if (current) setState({ key, data, problem: null });
      },
      (reason: unknown) => {
        if (current) setState((state) => ({ ...state, key, problem: asProblem(reason) }));
      },
    );
    return () => {
      current = false;
    };
  }, [key, asked, connections]);

  const data = state.key === key && state.data !== undefined ? state.data : (answers.get(key ?? "") as T | undefined);
  return {
    data,
    problem: state.key === key ? state.problem : null,
    reload: useCallback(() => ask((n) => n + 1), []),
  };
}

export function asProblem(reason: unknown): Problem {
  if (reason instanceof Problem) return reason;
  console.error(reason);
  return new Problem(0, t.pieces.mistake, reason instanceof Error ? reason.message : "");
}
