/** A log that grows: only the lines in sight are in the page, and the end is followed until the reader scrolls away. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import { appendText, windowOf } from "../lib/log";
import { asProblem } from "../lib/resource";
import { subscribe } from "../stores/events";
import { ProblemNote } from "./pieces";

const lineHeight = 20;
const padding = 12;

interface LogViewProps {
  name: string;
  height: string;
  follow: boolean; // whether a process still writes it
}

export function LogView({ name, height, follow }: LogViewProps) {
  const { lines, problem } = useLog(name, follow);
  const box = useRef<HTMLElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const [view, setView] = useState({ top: 0, height: 400 });
  const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
  const [first, end] = windowOf(count, view.top - padding, view.height, lineHeight);

  const look = () => {
    const element = box.current;
    if (!element) return;
    setView({ top: element.scrollTop, height: element.clientHeight });
    setAtEnd(element.scrollTop + element.clientHeight >= element.scrollHeight - lineHeight);
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines move the end
  useLayoutEffect(() => {
    if (atEnd && box.current) box.current.scrollTop = box.current.scrollHeight;
    look();
  }, [count, atEnd]);

  return (
    <div class="stack tight">
      <ProblemNote problem={problem} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard */}
      <section class="log" ref={box} style={{ height }} onScroll={look} tabIndex={0} aria-label={`Log ${name}`}>
        <div class="log-lines" style={{ height: `${count * lineHeight + 2 * padding}px` }}>
          <pre style={{ transform: `translateY(${first * lineHeight + padding}px)` }}>
            {lines.slice(first, end).join("\n")}
          </pre>
        </div>
      </section>
      <div class="row apart small soft">
        <span>
          {count} {count === 1 ? "line" : "lines"}
          {follow && (atEnd ? ", following" : ", not following")}
        </span>
        {!atEnd && (
          <button class="plain" type="button" onClick={() => setAtEnd(true)}>
            To the end
          </button>
        )}
      </div>
    </div>
  );
}

/** The lines so far, then what is appended. Each connection of the stream begins where the text ends. */
function useLog(name: string, follow: boolean): { lines: string[]; problem: Problem | null } {
  const [lines, setLines] = useState<string[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const offset = useRef({ name, bytes: 0 });

  useEffect(() => {
    if (offset.current.name !== name || offset.current.bytes === 0) {
      offset.current = { name, bytes: 0 };
      setLines([]);
    }
    const mine = offset.current;
    let stopped = false;
    let stop = () => {};
    const add = (text: string, next: number) => {
      if (stopped || next <= mine.bytes) return;
      mine.bytes = next;
      setLines((lines) => appendText(lines, text));
    };
    let reading = false;
    const readOn = async () => {
      if (reading) return;
      reading = true;
      for (let before = -1; before < mine.bytes && !stopped; ) {
        before = mine.bytes;
        const part = await api.log(name, mine.bytes);
        add(part.text, part.next);
      }
      reading = false;
    };
    const fail = (reason: unknown) => !stopped && setProblem(asProblem(reason));
    if (follow)
      stop = subscribe(`log:${name}`, (event) => {
        if (event.type !== "log" || event.data.next <= mine.bytes) return;
        if (event.data.offset === mine.bytes && !reading) add(event.data.text, event.data.next);
        else readOn().catch(fail);
      });
    readOn().catch(fail);
    return () => {
      stopped = true;
      stop();
    };
  }, [name, follow]);

  return { lines, problem };
}
