/** Which images were made favourites, or were not any more, while this page is open; what the server knows beside these is asked for. */

import { signal } from "@preact/signals";

export const favourites = signal<ReadonlyMap<string, boolean>>(new Map());
