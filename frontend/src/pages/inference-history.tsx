/** What was drawn so far, the last first: found again, kept, deleted, and drawn again. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { HistoryQuery, Kept } from "../api/types";
import { Loading, Picture, ProblemNote } from "../components/pieces";
import { ago } from "../lib/format";
import { asProblem } from "../lib/resource";
import { useShortcuts } from "../lib/shortcuts";
import { favourites } from "../stores/favourites";
import { t } from "../strings";
import { Inspect } from "./inference-inspect";
import type { ModeProps } from "./inference-mode";
import { PictureDialog } from "./inference-picture";
import { moveFocus } from "./inference-wall";

const page = 60; // images asked for at once

export function History({ version, can, query, change }: ModeProps) {
  const words = t.inference.history;
  const everywhere = query.all !== undefined;
  const filter: HistoryQuery = {
    ...(everywhere ? {} : { model: version.model, version: version.version }),
    ...(query.favourite === undefined ? {} : { favourite: true }),
    ...(query.q?.trim() ? { q: query.q.trim() } : {}),
  };
  const { items, problem, more, forget } = useHistory(filter);
  const [opened, open] = useState<number | null>(null);
  const [refused, setRefused] = useState<Problem | null>(null);
  useShortcuts({ ArrowLeft: () => moveFocus(-1), ArrowRight: () => moveFocus(1) });

  const remove = async (id: string) => {
    try {
      await api.deleteImage(id);
      open(null);
      forget(id);
    } catch (reason) {
      open(null);
      setRefused(asProblem(reason));
    }
  };
  const ofOpened = items && opened !== null ? items[opened] : undefined;
  const same = ofOpened?.model === version.model && ofOpened.version === version.version;
  return (
    <section class="stack" aria-label={words.title}>
      <div class="row">
        <input
          type="search"
          class="grow"
          aria-label={words.search}
          placeholder={words.search}
          value={query.q ?? ""}
          onInput={(e) => change({ q: e.currentTarget.value || undefined })}
        />
        <label class="chip">
          <input
            type="checkbox"
            checked={query.favourite !== undefined}
            onChange={(e) => change({ favourite: e.currentTarget.checked ? "1" : undefined })}
          />
          {words.favourites}
        </label>
        <label class="chip">
          <input
            type="checkbox"
            checked={everywhere}
            onChange={(e) => change({ all: e.currentTarget.checked ? "1" : undefined })}
          />
          {words.everywhere}
        </label>
      </div>
      <ProblemNote problem={problem ?? refused} />
      {!items && !problem && <Loading />}
      {items?.length === 0 && (
        <p class="empty">{filter.q || filter.favourite ? words.noneFound : words.none(version.model)}</p>
      )}
      {items && items.length > 0 && (
        <div class="kept-wall">
          {items.map((kept, index) => (
            <button
              class="tile-picture"
              type="button"
              key={kept.id}
              data-place={index}
              aria-label={words.open(kept.model, kept.version, kept.seed)}
              title={`${kept.model}@${kept.version}, ${kept.seed}\n${ago(kept.drawn_at)}`}
              onClick={() => open(index)}
            >
              <Picture src={kept.url} alt="" class={kept.width <= 64 ? "crisp" : ""} />
              {(favourites.value.get(kept.id) ?? kept.favourite) && <span class="favoured">★</span>}
            </button>
          ))}
        </div>
      )}
      {more && <More onSeen={more} />}
      <Inspect can={can} version={version} />
      {items && opened !== null && ofOpened && (
        <PictureDialog
          pictures={items}
          index={opened}
          version={same ? version : undefined}
          can={same ? can : undefined}
          onIndex={open}
          onClose={() => open(null)}
          onDelete={remove}
        />
      )}
    </section>
  );
}

interface Found {
  items: Kept[] | undefined;
  problem: Problem | null;
  more: (() => void) | null; // null at the end
  forget: (id: string) => void;
}

function useHistory(filter: HistoryQuery): Found {
  const key = JSON.stringify(filter);
  const [state, setState] = useState<{ key: string; items: Kept[]; cursor: string | null }>();
  const [problem, setProblem] = useState<Problem | null>(null);
  const asking = useRef<string>(undefined);

  const read = useCallback(
    async (cursor?: string) => {
      const mine = `${key} ${cursor}`;
      if (asking.current === mine) return;
      asking.current = mine;
      try {
        const found = await api.history({ ...(JSON.parse(key) as HistoryQuery), limit: page, cursor });
        if (asking.current !== mine) return; // something else is looked for by now
        const next = found.next_cursor ?? null;
        setState((old) => ({ key, cursor: next, items: cursor && old ? [...old.items, ...found.items] : found.items }));
        setProblem(null);
      } catch (reason) {
        setProblem(asProblem(reason));
      }
      if (asking.current === mine) asking.current = undefined;
    },
    [key],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was found decides nothing but the pause
  useEffect(() => {
    const timer = setTimeout(read, state ? 200 : 0); // a word is typed first
    return () => clearTimeout(timer);
  }, [read]);

  const cursor = state?.key === key ? state.cursor : null;
  return {
    items: state?.items,
    problem,
    more: cursor ? () => read(cursor) : null,
    forget: (id) => setState((old) => old && { ...old, items: old.items.filter((kept) => kept.id !== id) }),
  };
}

/** Asks for more once it comes into sight, or is pressed. */
function More({ onSeen }: { onSeen: () => void }) {
  const box = useRef<HTMLButtonElement>(null);
  const latest = useRef(onSeen);
  latest.current = onSeen;
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && latest.current(), {
      rootMargin: "600px",
    });
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  });
  return (
    <button class="quiet fit" type="button" ref={box} onClick={onSeen}>
      {t.inference.history.more}
    </button>
  );
}
