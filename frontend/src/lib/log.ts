/** The lines of a log that grows. */

/** Adds a chunk that may begin and end within a line; the last entry is the line that is still open. */
export function appendText(lines: string[], chunk: string): string[] {
  const [first = "", ...rest] = chunk.split("\n");
  return [...lines.slice(0, -1), ...[(lines.at(-1) ?? "") + first, ...rest].map(afterReturn)];
}

/** A carriage return writes the line anew, as a terminal shows it. */
function afterReturn(line: string): string {
  const at = line.lastIndexOf("\r", line.length - 2);
  return at < 0 ? line : line.slice(at + 1);
}

/** The slice of lines that a scrolled window shows, with some more on either side. */
export function windowOf(count: number, scrollTop: number, height: number, lineHeight: number): [number, number] {
  const margin = 20;
  const first = Math.max(0, Math.floor(scrollTop / lineHeight) - margin);
  return [first, Math.min(count, Math.ceil((scrollTop + height) / lineHeight) + margin)];
}
