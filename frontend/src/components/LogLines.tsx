/** The lines of a log, of which only those in sight are in the page. The end is followed until the reader scrolls away. */

import type { Ref } from "preact";
import { useEffect, useImperativeHandle, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Log, pieces, Selection, type Wanted } from "../lib/log";
import { t } from "../strings";

export const rowHeight = 24; // pixels, as in pieces.css
const padding = 12;

export interface LinesHandle {
  toEnd(): void;
}

interface LogLinesProps {
  name: string;
  log: Log;
  grown: number;
  wanted: Omit<Wanted, "columns">;
  wrap: boolean;
  height: string;
  line?: number | undefined; // to be marked and brought into sight; the first is 1
  address: (line: number) => string;
  onFollowing: (following: boolean) => void;
  onSelection?: (selection: Selection) => void;
  handle: Ref<LinesHandle>;
}

export function LogLines(props: LogLinesProps) {
  const { name, log, grown, wanted, wrap, height, line, address, onFollowing, onSelection, handle } = props;
  const box = useRef<HTMLElement>(null);
  const [view, setView] = useState({ top: 0, height: 400 });
  const [columns, setColumns] = useState(Number.POSITIVE_INFINITY);
  const [atEnd, setAtEnd] = useState(line === undefined);
  const { level, find } = wanted;

  const selection = useMemo(
    () => new Selection(log, { level, find, columns: wrap ? columns : Number.POSITIVE_INFINITY }),
    [log, level, find, wrap, columns],
  );
  selection.update();
  const { rows, shown, tops } = selection;
  const digits = Math.max(3, String(log.lines.length).length);
  const [first, end] = selection.window(
    Math.floor((view.top - padding) / rowHeight),
    Math.ceil(view.height / rowHeight),
  );

  const look = () => {
    const element = box.current;
    if (!element) return;
    setView({ top: element.scrollTop, height: element.clientHeight });
    setAtEnd(element.scrollTop + element.clientHeight >= element.scrollHeight - rowHeight);
  };

  useImperativeHandle(handle, () => ({ toEnd: () => setAtEnd(true) }), []);
  useEffect(() => onFollowing(atEnd), [atEnd, onFollowing]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: more lines change what was found
  useEffect(() => onSelection?.(selection), [selection, grown, onSelection]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what it calls only reads the box
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => {
      const probe = element.querySelector<HTMLElement>(".log-probe");
      const width = element.clientWidth - (probe?.offsetLeft ?? 0) - 16;
      if (probe) setColumns(Math.max(20, Math.floor(width / (probe.getBoundingClientRect().width / 100))));
      look();
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines move the end
  useLayoutEffect(() => {
    if (atEnd && box.current) box.current.scrollTop = box.current.scrollHeight;
    look();
  }, [rows, atEnd]);

  const known = line !== undefined && line <= log.lines.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is brought into sight once, and again when another way of showing moves it
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !known) return;
    const top = (tops[selection.positionOf(line - 1)] ?? 0) * rowHeight + padding;
    if (top < element.scrollTop || top > element.scrollTop + element.clientHeight - 2 * rowHeight)
      element.scrollTop = top - element.clientHeight / 3;
    look();
  }, [line, known, selection]);

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
    <section class="log" ref={box} style={{ height }} onScroll={look} tabIndex={0} aria-label={t.log.label(name)}>
      <div
        class={`log-lines ${wrap ? "wrap" : ""}`}
        style={{ height: `${rows * rowHeight + 2 * padding}px`, "--digits": digits }}
      >
        <span class="log-probe" aria-hidden="true">
          {"0".repeat(100)}
        </span>
        <div class="log-window" style={{ transform: `translateY(${(tops[first] ?? 0) * rowHeight + padding}px)` }}>
          {shown.slice(first, end).map((index) => (
            <div key={index} class={`log-line ${log.levels[index]} ${index + 1 === line ? "here" : ""}`}>
              <a class="log-number" href={address(index + 1)} tabIndex={-1} aria-label={t.log.lineNumber(index + 1)}>
                {index + 1}
              </a>
              <span>
                {pieces(log.lines[index] ?? "", find).map((piece, odd) =>
                  odd % 2 === 1 ? <mark key={odd}>{piece}</mark> : piece,
                )}
                {"\n"}
              </span>
            </div>
          ))}
        </div>
      </div>
    </section>
  );
}
