/** Reads a log for a component, then what is appended to it. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import { epoch, subscribe } from "../stores/events";
import { Log } from "./log";
import { asProblem } from "./resource";

export interface Reading {
  log: Log; // the same one, which grows
  grown: number; // how often it did
  read: boolean; // whether all that there was has been read
  problem: Problem | null;
}

/** `follow`: whether a process still writes it. */
export function useLog(name: string, follow: boolean): Reading {
  const state = useRef({ name, log: new Log(), bytes: 0 });
  if (state.current.name !== name) state.current = { name, log: new Log(), bytes: 0 };
  const [grown, setGrown] = useState(0);
  const [read, setRead] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const connections = epoch.value;

  // biome-ignore lint/correctness/useExhaustiveDependencies: after a lost connection it is read on
  useEffect(() => {
    const mine = state.current;
    let stopped = false;
    let reading = false;
    let more = false; // was told of while it was reading
    const add = (text: string, next: number) => {
      mine.log.append(text);
      mine.bytes = next;
      setGrown((times) => times + 1);
    };
    const readOn = async () => {
      more = true;
      if (reading) return;
      reading = true;
      try {
        while (more && !stopped) {
          more = false;
          const { text, next } = await api.log(name, mine.bytes);
          if (stopped || next <= mine.bytes) continue;
          add(text, next);
          more = true; // an answer is at most a megabyte
        }
        if (!stopped) setProblem(null);
      } catch (reason) {
        if (!stopped) setProblem(asProblem(reason));
      }
      if (!stopped) setRead(true);
      reading = false;
    };
    const leave = follow
      ? subscribe(`log:${name}`, (event) => {
          if (event.type !== "log" || event.data.next <= mine.bytes) return;
          if (event.data.offset === mine.bytes && !reading) add(event.data.text, event.data.next);
          else readOn(); // something between was missed
        })
      : () => {};
    readOn();
    return () => {
      stopped = true;
      leave();
    };
  }, [name, follow, connections]);

  return { log: state.current.log, grown, read, problem };
}
