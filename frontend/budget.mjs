/** Prints what the built page weighs, gzipped, and fails where it weighs more than it may. `node budget.mjs [folder]` */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const budget = { "script of the first load": 60, "style in all": 20 }; // KB of 1024 bytes
const folder = process.argv[2] ?? join(import.meta.dirname, "../backend/atelier/web");

const read = (name) => readFileSync(join(folder, name), "utf8");
const assets = readdirSync(join(folder, "assets")).map((name) => `assets/${name}`);
const size = Object.fromEntries(assets.map((name) => [name, gzipSync(readFileSync(join(folder, name))).length / 1024]));

/** A script, and all that it imports before it runs; what is imported by a call comes later. */
function withImports(name, known = new Set()) {
  if (known.has(name)) return known;
  known.add(name);
  for (const [, file] of read(name).matchAll(/(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g))
    withImports(`assets/${file}`, known);
  return known;
}

const index = read("index.html");
const entries = [...index.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map(([, name]) => name);
if (entries.length === 0) throw new Error(`${folder}/index.html loads no script.`);
const first = entries.reduce((known, name) => withImports(name, known), new Set());
const scripts = assets.filter((name) => name.endsWith(".js"));
const styles = assets.filter((name) => name.endsWith(".css"));
const sum = (names) => names.reduce((total, name) => total + size[name], 0);

const line = (kilobytes, words) => console.log(`${kilobytes.toFixed(1).padStart(7)} KB  ${words}`);
for (const name of [...first, ...styles]) line(size[name], name);
for (const name of scripts.filter((name) => !first.has(name)).sort((a, b) => size[b] - size[a]))
  line(size[name], `${name}  (when asked for)`);

const weighs = { "script of the first load": sum([...first]), "style in all": sum(styles) };
for (const [what, kilobytes] of Object.entries(weighs)) {
  const over = kilobytes > budget[what];
  line(kilobytes, `${what}, of ${budget[what]} KB${over ? ": over budget" : ""}`);
  if (over) process.exitCode = 1;
}
