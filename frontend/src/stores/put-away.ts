/** What somebody has put away, in this browser. */

import { signal } from "@preact/signals";

const key = "atelier.steps";

export const stepsPutAway = signal(localStorage.getItem(key) !== null);

export function putStepsAway() {
  stepsPutAway.value = true;
  localStorage.setItem(key, "away");
}
