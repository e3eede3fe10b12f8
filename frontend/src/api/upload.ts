/** Sends a form with the bytes that go by: fetch tells nothing of an upload's progress. */

import { Problem, problemFrom } from "./problem";
import type { Job } from "./types";

export interface Sending {
  answer: Promise<Job | null>; // null when it was cancelled
  cancel: () => void;
}

export function sendDataset(form: FormData, onSent: (sent: number, total: number) => void): Sending {
  const request = new XMLHttpRequest();
  const answer = new Promise<Job | null>((resolve, reject) => {
    request.upload.onprogress = (event) => onSent(event.loaded, event.total);
    request.onabort = () => resolve(null);
    // Also when the server closes the connection while we still send, as it may with a file that is too large.
    request.onerror = () => reject(new Problem(0, "The connection broke off.", "Nothing was added. Try again."));
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(body as Job);
      else reject(problemFrom(request.status, body));
    };
  });
  request.open("POST", "/api/v1/datasets");
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
