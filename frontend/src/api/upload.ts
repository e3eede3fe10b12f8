/** Sends a form with the bytes that go by: fetch tells nothing of an upload's progress. */

import { t } from "../strings";
import { Problem, problemFrom } from "./problem";
import type { Job, SentPicture, Version } from "./types";

export interface Sending<T> {
  answer: Promise<T | null>; // null when it was cancelled
  cancel: () => void;
}

type OnSent = (sent: number, total: number) => void;

export const sendDataset = (form: FormData, onSent: OnSent) => send<Job>("/api/v1/datasets", form, onSent);

export const sendVersion = (form: FormData, onSent: OnSent) => send<Version>("/api/v1/models/import", form, onSent);

export function sendPicture(file: File, onSent: OnSent): Sending<SentPicture> {
  const form = new FormData();
  form.set("file", file);
  return send("/api/v1/pictures", form, onSent);
}

function send<T>(path: string, form: FormData, onSent: OnSent): Sending<T> {
  const request = new XMLHttpRequest();
  const answer = new Promise<T | null>((resolve, reject) => {
    request.upload.onprogress = (event) => onSent(event.loaded, event.total);
    request.onabort = () => resolve(null);
    // Also when the server closes the connection while we still send, as it may with a file that is too large.
    request.onerror = () => reject(new Problem(0, t.pieces.brokeOff, t.pieces.nothingAdded));
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(body as T);
      else reject(problemFrom(request.status, body));
    };
  });
  request.open("POST", path);
  request.setRequestHeader("accept", "application/json");
  request.send(form);
  return { answer, cancel: () => request.abort() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
