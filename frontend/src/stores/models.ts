/** Counts the changes of models and versions that this tab knows of, so that whoever shows them reads them anew. */

import { signal } from "@preact/signals";

export const changes = signal(0);

export function changed() {
  changes.value += 1;
}
