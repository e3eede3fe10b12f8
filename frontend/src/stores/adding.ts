/** The data set that is being added. It outlives its page: an upload of gigabytes goes on while one looks at other pages. */

import { signal } from "@preact/signals";
import { api } from "../api/client";
import { Problem } from "../api/problem";
import type { Job, Sources } from "../api/types";
import { type Sending, sendDataset } from "../api/upload";
import { type Draft, emptyDraft, formOf, nameOf, type Source, whyNot } from "../lib/adding";
import { asProblem } from "../lib/resource";
import { t } from "../strings";
import { remember } from "./jobs";

export interface Upload {
  name: string;
  sent: number;
  total: number;
  since: number; // milliseconds
}

export const draft = signal<Draft>(emptyDraft);
export const upload = signal<Upload | null>(null); // while a file is on its way
export const busy = signal(false);
export const refused = signal<Problem | null>(null);

let sending: Sending<Job> | undefined;

export function edit(changes: Partial<Draft>) {
  draft.value = { ...draft.value, ...changes };
  refused.value = null;
}

/** Whether the server took it; what it will become is then among the jobs. */
export async function add(source: Source, offered: Sources): Promise<boolean> {
  refused.value = null;
  if (busy.value) return false;
  busy.value = true;
  try {
    return await send(source, offered);
  } finally {
    busy.value = false;
  }
}

async function send(source: Source, offered: Sources): Promise<boolean> {
  const { file } = draft.value;
  const about = { name: nameOf(draft.value, source, offered), since: Date.now() };
  const why = source !== "upload" ? "" : file ? await whyNot(file, offered.max_upload_bytes) : t.adding.chooseZip;
  if (why) return refuse("/file", why);
  // The server would say so as well, but an answer in the middle of an upload does not reach a browser for sure.
  if (await isTaken(about.name)) return refuse("/name", t.adding.taken(about.name));
  const show = (sent: number, total: number) => {
    if (source === "upload") upload.value = { ...about, sent, total };
  };
  show(0, file?.size ?? 0);
  addEventListener("beforeunload", warn);
  try {
    sending = sendDataset(formOf(draft.value, source, offered), show);
    const job = await sending.answer;
    if (job) {
      remember([job]);
      draft.value = emptyDraft;
    }
    return job !== null;
  } catch (reason) {
    const problem = asProblem(reason);
    if (problem.status === 409) return refuse("/name", problem.detail); // whatever else there is by that name
    refused.value = problem;
    return false;
  } finally {
    removeEventListener("beforeunload", warn);
    upload.value = null;
    sending = undefined;
  }
}

function refuse(pointer: string, why: string): false {
  refused.value = new Problem(0, why, "", [{ pointer, detail: why }]);
  return false;
}

async function isTaken(name: string): Promise<boolean> {
  const known = await api.datasets().catch(() => []);
  return known.some((dataset) => dataset.name === name);
}

export function stop() {
  sending?.cancel();
}

const warn = (event: BeforeUnloadEvent) => event.preventDefault();
