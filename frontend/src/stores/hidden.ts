/** Failures that somebody has read and does not want to see any more, in this browser. */

import { signal } from "@preact/signals";

const key = "atelier.hidden";
const most = 200; // jobs remembered

function stored(): number[] {
  try {
    const ids: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(ids) ? ids.filter(Number.isInteger) : [];
  } catch {
    return [];
  }
}

export const hidden = signal<readonly number[]>(stored());

export function hide(id: number) {
  hidden.value = [...hidden.value, id].slice(-most);
  localStorage.setItem(key, JSON.stringify(hidden.value));
}
