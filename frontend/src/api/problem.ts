/** What went wrong, in the server's own words (RFC 9457), or that the server does not answer. */
import { t } from "../strings";

export interface FieldError {
  pointer: string;
  detail: string;
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string = "",
    readonly errors: FieldError[] = [],
    readonly retryAfter: number | null = null, // seconds, where the server said when to come again
  ) {
    super(detail || title);
  }
}

/** Reads the body of a refusal; whatever it holds, the result can be shown. */
export function problemFrom(status: number, body: unknown, headers?: Headers): Problem {
  const known = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const errors = Array.isArray(known.errors) ? known.errors : [];
  return new Problem(
    status,
    text(known.title) || t.pieces.refusedWith(status),
    text(known.detail),
    errors.map((e: Partial<FieldError>) => ({ pointer: text(e.pointer), detail: text(e.detail) })),
    /^\d+$/.test(headers?.get("retry-after") ?? "") ? Number(headers?.get("retry-after")) : null,
  );
}

/** Messages by field below a pointer: "/hyperparameters/steps" under "/hyperparameters" is "steps", "/model" under "" is "model". */
export function fieldErrors(problem: Problem | null, under = ""): Record<string, string> {
  const messages: Record<string, string> = {};
  for (const { pointer, detail } of problem?.errors ?? []) {
    if (!pointer.startsWith(`${under}/`)) continue;
    const name = pointer.slice(under.length + 1).split("/")[0] ?? "";
    messages[name] = messages[name] ? `${messages[name]} ${detail}` : detail;
  }
  return messages;
}
