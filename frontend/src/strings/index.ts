/** What the page says, in the reader's language; so far that is English. */

import { en } from "./en";

export type Strings = typeof en;

export const t: Strings = en;
