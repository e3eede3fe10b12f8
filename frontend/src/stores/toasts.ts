/** Short words on what was just done, each with a way to take it back where there is one. */

import { signal } from "@preact/signals";
import { asProblem } from "../lib/resource";
import { t } from "../strings";

export interface Toast {
  id: number;
  text: string;
  undo: (() => unknown) | undefined;
}

const most = 3; // at a time; an older one goes
export const seconds = 6; // that one without an undo stays; one with it stays until it is closed or pushed out

export const toasts = signal<readonly Toast[]>([]);
let given = 0;

/** Say what was done. `undo` takes it back; should it be refused, that is told in the same place. */
export function toast(text: string, undo?: () => unknown) {
  given += 1;
  toasts.value = [...toasts.value, { id: given, text, undo }].slice(-most);
}

export function dismiss(id: number) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** What has been deleted for good can't be taken back any more. */
export function settle() {
  toasts.value = toasts.value.filter(({ undo }) => !undo);
}

export async function takeBack({ id, undo }: Toast) {
  dismiss(id);
  try {
    await undo?.();
  } catch (reason) {
    const { title, detail } = asProblem(reason);
    toast(t.toasts.notUndone(detail || title));
  }
}
