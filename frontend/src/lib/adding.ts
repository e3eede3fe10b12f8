/** What the form that adds a data set holds, and what it sends. */

import type { Sources } from "../api/types";
import { t } from "../strings";
import { bytes } from "./format";

export type Source = "upload" | "folder" | "download";
export const sources: Source[] = ["upload", "folder", "download"];

export interface Draft {
  file: File | null;
  root: string; // "" the first that the server allows
  path: string; // below the root
  download: string; // "" the first
  name: string | null; // null: as the source suggests
  title: string;
  layout: string; // "" lets the server find out
  resolution: string;
  mirrorable: boolean;
}

export const emptyDraft: Draft = {
  file: null,
  root: "",
  path: "",
  download: "",
  name: null,
  title: "",
  layout: "",
  resolution: "64",
  mirrorable: true,
};

/** A name from a file's or folder's: "My Birds (2).zip" → "my-birds-2". */
export function suggestedName(from: string): string {
  const last = from.split(/[\\/]/).filter(Boolean).at(-1) ?? "";
  return last
    .toLowerCase()
    .replace(/\.(zip|tar|gz|tgz)$/, "")
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "")
    .slice(0, 64);
}

/** The folder as the server knows it. */
export function folderOf(draft: Draft, offered: Sources): string {
  const root = draft.root || (offered.roots[0] ?? "");
  const below = draft.path.trim().replace(/^\/+|\/+$/g, "");
  return below ? `${root.replace(/\/+$/, "")}/${below}` : root;
}

export function nameOf(draft: Draft, source: Source, offered: Sources): string {
  if (draft.name !== null) return draft.name;
  if (source === "upload") return suggestedName(draft.file?.name ?? "");
  if (source === "folder") return suggestedName(folderOf(draft, offered));
  return draft.download || (offered.downloads[0]?.name ?? "");
}

/** The fields first: the server can refuse a name before it takes the file. */
export function formOf(draft: Draft, source: Source, offered: Sources): FormData {
  const form = new FormData();
  form.set("name", nameOf(draft, source, offered));
  if (draft.title.trim()) form.set("title", draft.title.trim());
  if (draft.layout && source !== "download") form.set("layout", draft.layout);
  form.set("resolution", draft.resolution);
  form.set("mirrorable", String(draft.mirrorable));
  if (source === "upload" && draft.file) form.set("file", draft.file);
  if (source === "folder") form.set("folder", folderOf(draft, offered));
  if (source === "download") form.set("download", draft.download || (offered.downloads[0]?.name ?? ""));
  return form;
}

/** Why the server would refuse a file, known before a byte is sent; "" where nothing speaks against it. */
export async function whyNot(file: File, most: number): Promise<string> {
  if (file.size > most) return t.adding.tooLarge(bytes(file.size), bytes(most));
  const [p, k] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  return p === 0x50 && k === 0x4b ? "" : t.adding.noZip;
}

export type Dropped = { file: File } | { error: string };

/** What was dropped, when it is one file. */
export function dropped(transfer: DataTransfer): Dropped {
  const [item, ...others] = [...transfer.items].filter((item) => item.kind === "file");
  const file = item?.getAsFile();
  if (!item || !file) return { error: t.adding.dropZip };
  if (others.length > 0) return { error: t.adding.dropOne };
  if (item.webkitGetAsEntry?.()?.isDirectory) return { error: t.adding.packFolder };
  return { file };
}
