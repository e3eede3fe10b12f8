/** The data set that is being added. It outlives its page: an upload of gigabytes goes on while one looks at other pages. */

import { signal } from "@preact/signals";
import { Problem } from "../api/problem";
import type { Sources } from "../api/types";
import { type Sending, sendDataset } from "../api/upload";
import { type Draft, emptyDraft, formOf, nameOf, type Source, whyNot } from "../lib/adding";
import { asProblem } from "../lib/resource";
import { remember } from "./jobs";

export interface Upload {
  name: string;
  sent: number;
  total: number;
  since: number; // milliseconds
}

export const draft = signal<Draft>(emptyDraft);
export const upload = signal<Upload | null>(null);
export const refused = signal<Problem | null>(null);

let sending: Sending | undefined;

export function edit(changes: Partial<Draft>) {
  draft.value = { ...draft.value, ...changes };
  refused.value = null;
}

/** Whether the server took it; what it will become is then among the jobs. */
export async function add(source: Source, offered: Sources): Promise<boolean> {
  refused.value = null;
  const { file } = draft.value;
  const why = source !== "upload" ? "" : file ? await whyNot(file, offered.max_upload_bytes) : "Choose a zip file.";
  if (why) {
    refused.value = new Problem(0, why, "", [{ pointer: "/file", detail: why }]);
    return false;
  }
  const about = { name: nameOf(draft.value, source, offered), since: Date.now() };
  upload.value = { ...about, sent: 0, total: file?.size ?? 0 };
  addEventListener("beforeunload", warn);
  try {
    sending = sendDataset(formOf(draft.value, source, offered), (sent, total) => {
      upload.value = { ...about, sent, total };
    });
    const job = await sending.answer;
    if (job) {
      remember([job]);
      draft.value = emptyDraft;
    }
    return job !== null;
  } catch (reason) {
    refused.value = asProblem(reason);
    return false;
  } finally {
    removeEventListener("beforeunload", warn);
    upload.value = null;
    sending = undefined;
  }
}

export function stop() {
  sending?.cancel();
}

const warn = (event: BeforeUnloadEvent) => event.preventDefault();
