/** What somebody still moves is not acted upon before it rests. */

import { useEffect, useRef } from "preact/hooks";

/** Milliseconds after which a value is taken for the one that was looked for, and what it draws is kept in the history. */
export const stays = 1500;

/**
 * Acts at once when the key is first there, and again whenever it has stayed another one for so many milliseconds; never for null.
 * Returns what calls the waiting off, and tells whether there was any: for who acts earlier.
 */
export function useRest(key: string | null, milliseconds: number, act: () => unknown): () => boolean {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const first = useRef(true);
  const latest = useRef(act);
  latest.current = act;
  const stop = useRef(() => {
    const waited = timer.current !== undefined;
    clearTimeout(timer.current);
    timer.current = undefined;
    return waited;
  }).current;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is all that is acted upon
  useEffect(() => {
    if (key === null) return;
    const due = () => {
      timer.current = undefined;
      latest.current();
    };
    timer.current = setTimeout(due, first.current ? 0 : milliseconds);
    first.current = false;
    return stop;
  }, [key]);
  return stop;
}
