/** One picture large: what drew it, what can be done with it, and the request that draws it again. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Kept, Version } from "../api/types";
import { Dialog } from "../components/Dialog";
import { Icon } from "../components/Icon";
import { FactList, Picture, ProblemNote } from "../components/pieces";
import type { Can } from "../lib/abilities";
import { asProblem, useResource } from "../lib/resource";
import { useShortcuts } from "../lib/shortcuts";
import { address } from "../lib/url";
import { queryOf, type Wishes } from "../lib/wishes";
import { favourites } from "../stores/favourites";
import { t } from "../strings";
import { AsCode } from "./inference-code";
import { factsOf, stopOf } from "./inference-facts";
import { Near } from "./inference-near";

interface PictureDialogProps {
  pictures: { id: string; url: string; seed: number }[];
  index: number;
  version: Version | undefined; // undefined where it is not here any more
  can: Can | undefined;
  locked?: boolean | undefined;
  onLock?: () => void;
  onIndex: (index: number) => void;
  onClose: () => void;
  onDelete?: (id: string) => void;
}

export function PictureDialog(props: PictureDialogProps) {
  const { pictures, index, version, can, locked, onLock, onIndex, onClose, onDelete } = props;
  const picture = pictures[index];
  const words = t.inference.picture;
  const [problem, setProblem] = useState<Problem | null>(null);
  const [sure, ask] = useState(false);
  const recipe = useResource(picture ? `recipe ${picture.id}` : null, () => api.recipe(picture?.id ?? ""));
  const kept = recipe.data;
  const favourite = picture ? (favourites.value.get(picture.id) ?? kept?.favourite ?? false) : false;
  const { id } = picture ?? {};
  // biome-ignore lint/correctness/useExhaustiveDependencies: another picture has not been asked about
  useEffect(() => ask(false), [id]);

  const favour = async () => {
    if (!picture) return;
    try {
      await api.changeImage(picture.id, { favourite: !favourite });
      favourites.value = new Map(favourites.value).set(picture.id, !favourite);
    } catch (reason) {
      setProblem(asProblem(reason));
    }
  };
  const step = (by: number) => pictures[index + by] && onIndex(index + by);
  useShortcuts({ ArrowLeft: () => step(-1), ArrowRight: () => step(1), f: favour, l: () => onLock?.() }, true);
  if (!picture) return null;
  return (
    <Dialog title={words.title(picture.seed)} onClose={onClose} class="large">
      <div class="large-columns">
        <div class="stack close">
          <Picture src={picture.url} alt={t.inference.wall.image(picture.seed)} class={isSmall(kept) ? "crisp" : ""} />
          <div class="row apart">
            <button class="plain" type="button" aria-disabled={index === 0 || undefined} onClick={() => step(-1)}>
              {words.previous}
            </button>
            <span class="small soft">{words.place(index + 1, pictures.length)}</span>
            <button
              class="plain"
              type="button"
              aria-disabled={index === pictures.length - 1 || undefined}
              onClick={() => step(1)}
            >
              {words.next}
            </button>
          </div>
          {version && kept?.request && <Near key={picture.id} version={version} stop={stopOf(kept)} />}
        </div>
        <div class="stack">
          <ProblemNote problem={problem ?? recipe.problem} />
          {kept && <FactList facts={factsOf(kept)} />}
          {kept?.unavailable && <p class="note mild">{words.unavailable(kept.unavailable)}</p>}
          <div class="row">
            <button class="quiet" type="button" aria-pressed={favourite} onClick={favour}>
              <Icon name="star" size={18} /> {words.favourite}
            </button>
            {onLock && (
              <button class="quiet" type="button" aria-pressed={locked ?? false} onClick={onLock}>
                <Icon name="lock" size={18} /> {words.lock}
              </button>
            )}
            <a class="button quiet" href={picture.url} download={fileOf(kept, picture.seed)}>
              <Icon name="save" size={18} /> {words.save}
            </a>
          </div>
          {kept && <Ways kept={kept} can={can} onGo={onClose} />}
          {kept && <Note key={kept.id} kept={kept} onProblem={setProblem} />}
          {kept?.request && <AsCode recipe={kept.request} file={fileOf(kept, picture.seed)} />}
          {onDelete && (
            <button
              class={`fit ${sure ? "danger" : "quiet"}`}
              type="button"
              onClick={() => (sure ? onDelete(picture.id) : ask(true))}
            >
              {sure ? words.reallyDelete : words.delete}
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

/** Where one can go on with it. */
function Ways({ kept, can, onGo }: { kept: Kept; can: Can | undefined; onGo: () => void }) {
  const words = t.inference.picture;
  const here = { model: kept.model, version: String(kept.version) };
  const wished = can && kept.request ? queryOf(kept.request.body as Wishes, can) : null;
  const seed = String(kept.seed);
  return (
    <ul class="ways">
      {wished && (
        <>
          <li>
            <a href={address("/inference", { ...here, mode: "draw", ...wished, seed, count: "1" })} onClick={onGo}>
              {words.alone}
            </a>
          </li>
          <li>
            <a href={address("/inference", { ...here, mode: "compare", ...wished, seed, count: "1" })}>
              {words.compare}
            </a>
          </li>
        </>
      )}
      {kept.request && (
        <li>
          <a href={address("/inference", { ...here, mode: "walk", stops: JSON.stringify([stopOf(kept)]) })}>
            {words.walk}
          </a>
        </li>
      )}
      <li>
        <a href={address("/inference", { ...here, mode: "project", picture: kept.id })}>{words.project}</a>
      </li>
      <li>
        <a href={address("/style", { content: kept.id })}>{words.stylize}</a>
      </li>
    </ul>
  );
}

function Note({ kept, onProblem }: { kept: Kept; onProblem: (problem: Problem | null) => void }) {
  const words = t.inference.picture;
  const [note, setNote] = useState(kept.note ?? "");
  const [saved, setSaved] = useState(kept.note ?? "");
  const save = async () => {
    try {
      await api.changeImage(kept.id, { note: note.trim() || null });
      setSaved(note);
      onProblem(null);
    } catch (reason) {
      onProblem(asProblem(reason));
    }
  };
  return (
    <div class="row end">
      <label class="field grow">
        <span class="field-label">{words.note}</span>
        <input value={note} maxLength={2000} onInput={(e) => setNote(e.currentTarget.value)} />
      </label>
      <button class="quiet" type="button" disabled={note === saved} onClick={save}>
        {words.keepNote}
      </button>
    </div>
  );
}

function isSmall(kept: Kept | undefined): boolean {
  return kept !== undefined && kept.width <= 64;
}

function fileOf(kept: Kept | undefined, seed: number): string {
  return kept ? `${kept.model}-v${kept.version}-${seed}.png` : `${seed}.png`;
}
