/** A page's state lives in its address, so that a reload or a copied link brings it back. */

import { useCallback, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";

export type Query = Record<string, string>;
export type Changes = Record<string, string | undefined>;

/** Address of a path with a query; what is undefined is left out. */
export function address(path: string, query: Changes): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const parameters = new URLSearchParams(given);
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

/** The entries whose name begins with a prefix, without it. */
export function below(query: Query, prefix: string): Query {
  return Object.fromEntries(
    Object.entries(query)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}

export function prefixed(values: Query, prefix: string): Query {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

/** The changes to a query that make what it has below a prefix these. */
export function replaced(query: Query, prefix: string, values: Query): Changes {
  const gone = Object.keys(below(query, prefix)).map((name): [string, undefined] => [prefix + name, undefined]);
  return { ...Object.fromEntries(gone), ...prefixed(values, prefix) };
}

/** The query, and a function that changes some of it in place, without a new entry in the history. */
export function useQuery(): [Query, (changes: Changes) => void] {
  const { path, query, route } = useLocation();
  const latest = useRef<Changes>(query);
  latest.current = query;
  const change = useCallback(
    (changes: Changes) => {
      if ((location.pathname.replace(/\/+$/, "") || "/") !== path) return; // the page was left while something went on
      latest.current = { ...latest.current, ...changes };
      route(address(path, latest.current), true);
    },
    [path, route],
  );
  return [query, change];
}
