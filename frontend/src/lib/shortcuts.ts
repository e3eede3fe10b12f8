/** Keys that do something on a page, while nobody writes. */

import { useEffect, useRef } from "preact/hooks";

export type Shortcuts = Record<string, () => void>; // by the key, as KeyboardEvent.key has it, letters small

const written = "input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const pressed = "button, a, summary, input, select, textarea, video"; // which have an answer of their own to space and Enter
const moving = "input[type=range], input[type=radio], select, [role=tablist] *";

/** The key of a shortcut that this event means; null where it belongs to what has the focus. */
export function keyOf(event: KeyboardEvent): string | null {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest(written)) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if ((key === " " || key === "Enter") && target?.closest(pressed)) return null;
  if (key.startsWith("Arrow") && target?.closest(moving)) return null;
  return key;
}

/** Those of a page; while a dialog is open, only those that are given with it. */
export function useShortcuts(shortcuts: Shortcuts, inDialog = false) {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (inDialog === (document.querySelector("dialog[open]") === null)) return;
      const key = keyOf(event);
      const act = key === null ? undefined : latest.current[key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [inDialog]);
}
