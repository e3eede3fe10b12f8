/** Asking once more, where the server said that it has too much to do and when to come again. */

import { Problem } from "../api/problem";

const longest = 30; // seconds; who would have to wait longer is told so instead

/** `onWait` is told for how many seconds it waits, and 0 when it goes on. */
export async function patiently<T>(call: () => Promise<T>, onWait: (seconds: number) => void): Promise<T> {
  try {
    return await call();
  } catch (reason) {
    if (!(reason instanceof Problem) || reason.retryAfter === null || reason.retryAfter > longest) throw reason;
    onWait(reason.retryAfter);
    await new Promise((resolve) => setTimeout(resolve, 1000 * (reason.retryAfter ?? 0)));
    onWait(0);
    return await call();
  }
}
