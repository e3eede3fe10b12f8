/** Light, dark, or what the system says. */

import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const key = "atelier.theme";

function stored(): Theme {
  const value = localStorage.getItem(key);
  return value === "light" || value === "dark" ? value : "system";
}

export const theme = signal<Theme>(stored());

export function applyTheme() {
  if (theme.value === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme.value;
}

/** To the other of what is seen now; choosing what the system has anyway follows the system again. */
export function switchTheme() {
  const systemDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const dark = theme.value === "system" ? systemDark : theme.value === "dark";
  chooseTheme(!dark === systemDark ? "system" : dark ? "light" : "dark");
}

export function chooseTheme(chosen: Theme) {
  theme.value = chosen;
  if (theme.value === "system") localStorage.removeItem(key);
  else localStorage.setItem(key, theme.value);
  applyTheme();
}
