/** The lines of a log that grows, and those of them that a reader wants to see. What is appended costs as much as it is long. */

export const levels = ["info", "warning", "error"] as const;
export type Level = (typeof levels)[number];

const named: Record<string, Level> = { DEBUG: "info", WARNING: "warning", ERROR: "error", CRITICAL: "error" };

/** Lines without a level of their own, as of a traceback, go on with the one before. */
function levelOf(line: string, before: Level): Level {
  const [, level] = /^\d\d:\d\d:\d\d (?:([A-Z]+) )?/.exec(line) ?? [undefined, null];
  if (level !== null) return named[level ?? ""] ?? "info";
  if (/^Traceback \(most recent call last\)|^[\w.]+(Error|Exception|Interrupt)\b/.test(line)) return "error";
  return /\b\w*Warning: /.test(line) ? "warning" : before;
}

export class Log {
  readonly lines: string[] = [];
  readonly levels: Level[] = [];
  closed = 0; // how many lines have ended; at most one more is still being written

  /** Adds a chunk that may begin and end within a line. */
  append(chunk: string) {
    const open = this.lines.length > this.closed ? this.lines.pop() : "";
    this.levels.length = this.closed;
    const parts = chunk.split("\n");
    parts[0] = `${open}${parts[0]}`;
    const last = parts.pop() ?? "";
    for (const line of parts) this.push(line);
    this.closed = this.lines.length;
    if (last !== "") this.push(last);
  }

  private push(written: string) {
    const line = afterReturn(written);
    this.levels.push(levelOf(line, this.levels.at(-1) ?? "info"));
    this.lines.push(line);
  }
}

/** A carriage return writes the line anew, as a terminal shows it. */
function afterReturn(line: string): string {
  const at = line.lastIndexOf("\r", line.length - 2);
  return at < 0 ? line : line.slice(at + 1);
}

export interface Wanted {
  level: Level; // the least
  find: string; // "" looks for nothing
  columns: number; // characters in a row; Infinity where lines are not wrapped
}

/** The lines of a log that are wanted, the row at which each begins, and which of them hold what is looked for. */
export class Selection {
  readonly shown: number[] = []; // lines
  readonly tops: number[] = []; // the row of each of them
  readonly found: number[] = []; // positions in `shown`
  rows = 0;
  private readonly least: number;
  private readonly needle: string;
  private seen = 0; // lines that were looked at, and had ended by then

  constructor(
    private readonly log: Log,
    private readonly wanted: Wanted,
  ) {
    this.least = levels.indexOf(wanted.level);
    this.needle = wanted.find.toLowerCase();
    this.update();
  }

  /** Takes in what was appended since; the line that was open then is looked at again. */
  update() {
    while ((this.shown.at(-1) ?? -1) >= this.seen) {
      this.shown.pop();
      this.rows = this.tops.pop() ?? 0;
    }
    while ((this.found.at(-1) ?? -1) >= this.shown.length) this.found.pop();
    for (let index = this.seen; index < this.log.lines.length; index += 1) {
      if (this.least > 0 && levels.indexOf(this.log.levels[index] ?? "info") < this.least) continue;
      const line = this.log.lines[index] ?? "";
      if (this.needle && line.toLowerCase().includes(this.needle)) this.found.push(this.shown.length);
      this.shown.push(index);
      this.tops.push(this.rows);
      this.rows += Math.max(1, Math.ceil(line.length / this.wanted.columns));
    }
    this.seen = this.log.closed;
  }

  /** The shown lines that some rows belong to, with some more on either side. */
  window(row: number, rows: number): [number, number] {
    const margin = 20;
    return [this.at(Math.max(0, row - margin)), Math.min(this.shown.length, this.at(row + rows + margin) + 1)];
  }

  /** The position of the shown line that stands in a row. */
  at(row: number): number {
    return Math.max(0, firstOver(this.tops, row) - 1);
  }

  /** The position of a line, or of the next one that is shown. */
  positionOf(line: number): number {
    return firstOver(this.shown, line - 1);
  }

  /** Which of the matches a line is, from 1; 0 where it is none. */
  placeOf(line: number): number {
    const position = this.positionOf(line);
    const after = firstOver(this.found, position);
    return this.shown[position] === line && this.found[after - 1] === position ? after : 0;
  }

  /** The match after a line, or before it; from the other end when there is none. Undefined without any match. */
  nextMatch(line: number, backwards: boolean): number | undefined {
    const here = this.positionOf(line);
    const isHere = this.shown[here] === line;
    const after = firstOver(this.found, isHere ? here : here - 1);
    const before = firstOver(this.found, here - 1) - 1;
    const index = backwards ? (before < 0 ? this.found.length - 1 : before) : after % Math.max(1, this.found.length);
    const position = this.found[index];
    return position === undefined ? undefined : this.shown[position];
  }
}

/** Where the first number stands that is greater, in numbers that rise. */
function firstOver(numbers: number[], limit: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A line in pieces: every second one is what was looked for. */
export function pieces(line: string, find: string): string[] {
  const needle = find.toLowerCase();
  if (!needle) return [line];
  const lower = line.toLowerCase();
  const found: string[] = [];
  let from = 0;
  for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, from)) {
    found.push(line.slice(from, at), line.slice(at, at + needle.length));
    from = at + needle.length;
  }
  return [...found, line.slice(from)];
}
