/** A request that draws a picture again, in words that a terminal or Python takes. */

export interface Recipe {
  url: string;
  body: unknown;
}

/** Runs as it stands, and writes the picture to `file`. */
export function asCurl({ url, body }: Recipe, origin: string, file: string, accept = "image/png"): string {
  return [
    `curl -sS ${quoted(origin + url)}`,
    `-H 'Content-Type: application/json' -H ${quoted(`Accept: ${accept}`)}`,
    `-d ${quoted(JSON.stringify(body))}`,
    `-o ${quoted(file)}`,
  ].join(" \\\n  ");
}

/** With nothing but the standard library. */
export function asPython({ url, body }: Recipe, origin: string, file: string, accept = "image/png"): string {
  return [
    "import json",
    "import urllib.request",
    "",
    `body = ${literal(body)}`,
    "request = urllib.request.Request(",
    `    ${JSON.stringify(origin + url)},`,
    "    data=json.dumps(body).encode(),",
    `    headers={"Content-Type": "application/json", "Accept": ${JSON.stringify(accept)}},`,
    ")",
    `with urllib.request.urlopen(request) as answer, open(${JSON.stringify(file)}, "wb") as file:`,
    "    file.write(answer.read())",
    "",
  ].join("\n");
}

/** A word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A value of JSON as Python writes it. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value)
      .map(([key, inner]) => `${JSON.stringify(key)}: ${literal(inner)}`)
      .join(", ")}}`;
  return JSON.stringify(value); // a string's escapes are Python's as well
}
