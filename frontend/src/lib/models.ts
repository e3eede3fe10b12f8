/** Models as their cards show them, and what is said of a version first. */

import type { Model, ScoreBrief, Version } from "../api/types";

export interface Found {
  model: string;
  version: Version; // the first of the model's that was found
  versions: number; // that were found
}

/** Versions in the order in which they were found → a card for each model, where its first version stood. */
export function byModel(versions: readonly Version[]): Found[] {
  const found = new Map<string, Found>();
  for (const version of versions) {
    const known = found.get(version.model);
    if (known) known.versions += 1;
    else found.set(version.model, { model: version.model, version, versions: 1 });
  }
  return [...found.values()];
}

/** Why a model is offered to stand beside a version: the better comparable it is, the earlier. */
export type Kinship = "dataset" | "size" | "other";

/** Models by how well what they draw compares with a version's, by their latest versions; a group in which nothing is, is left out. */
export function kindred(models: readonly Model[], version: Version): [Kinship, Model[]][] {
  const groups: Record<Kinship, Model[]> = { dataset: [], size: [], other: [] };
  for (const model of models) {
    const { dataset, image } = model.latest;
    const asLarge = image.resolution === version.image.resolution;
    groups[dataset === version.dataset ? "dataset" : asLarge ? "size" : "other"].push(model);
  }
  return (Object.entries(groups) as [Kinship, Model[]][]).filter(([, members]) => members.length > 0);
}

/** The other model that compares best with a version, where there is one. */
export function nextOfKin(models: readonly Model[], version: Version): Model | undefined {
  return kindred(models, version)
    .flatMap(([, members]) => members)
    .find(({ name }) => name !== version.model);
}

const rank = ["fid", "kid", "ppl", "precision", "recall"]; // what people look for first

/** The scores that a card has room for: the best known metrics first, each once, through Inception rather than through another network. */
export function mainScores(scores: readonly ScoreBrief[], most: number): ScoreBrief[] {
  const place = ({ metric }: ScoreBrief) => (rank.includes(metric) ? rank.indexOf(metric) : rank.length);
  const sorted = [...scores].sort(
    (a, b) => place(a) - place(b) || Number(b.network === "inception") - Number(a.network === "inception"),
  );
  const once = sorted.filter((score, index) => sorted.findIndex(({ metric }) => metric === score.metric) === index);
  return once.slice(0, most);
}

/** The metrics that any of the versions was measured by, the best known first: columns of a table. */
export function columns(versions: readonly Version[], most: number): ScoreBrief[] {
  return mainScores(
    versions.flatMap((version) => version.scores),
    most,
  );
}

/** A version's score in a column of such a table. */
export function scoreIn(version: Version, column: ScoreBrief): ScoreBrief | undefined {
  return version.scores.find(({ metric, network }) => metric === column.metric && network === column.network);
}

/** The two versions that an address compares, "3,1"; or fewer. */
export function compared(written: string | undefined): number[] {
  return [...new Set((written ?? "").split(",").map(Number))].filter((number) => number > 0).slice(0, 2);
}

/** The same with a version put in or taken out; the one chosen first gives way to a third. */
export function toggled(chosen: readonly number[], version: number): string | undefined {
  const rest = chosen.includes(version)
    ? chosen.filter((number) => number !== version)
    : [...chosen, version].slice(-2);
  return rest.length > 0 ? rest.join(",") : undefined;
}

/** "digits-dcgan-v2 (1).zip" → "digits-dcgan": a name that a model may have. */
export function nameFrom(file: string): string {
  const stem = file.replace(/(\.(zip|safetensors|pth|pt|bin|ckpt))+$/i, "").replace(/\s*\(\d+\)$/, "");
  const name = stem
    .replace(/[-_.]?v\d+$/i, "")
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-");
  return name.replace(/^[._-]+|[._-]+$/g, "").slice(0, 64);
}

/** Whether a file seems to say itself what it holds; the server looks at the content. */
export function isBundle(file: string): boolean {
  return /\.zip$/i.test(file);
}

/** "resolution=32, latent_dim=100" → { resolution: 32, latent_dim: 100 }; values are JSON where they can be read as such. */
export function pairsOf(text: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const pair of text.split(",")) {
    const [name = "", ...rest] = pair.split("=");
    if (!name.trim() || rest.length === 0) continue;
    const value = rest.join("=").trim();
    try {
      values[name.trim()] = JSON.parse(value);
    } catch {
      values[name.trim()] = value;
    }
  }
  return values;
}
