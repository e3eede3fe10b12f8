/** What the pages of models share: notes edited in place, aliases, scores in a line, and the words after a deletion. */

import { useId, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { ScoreBrief } from "../api/types";
import { ProblemNote } from "../components/pieces";
import { asProblem } from "../lib/resource";
import { arrows, withError } from "../lib/scores";
import { changed } from "../stores/models";
import { toast } from "../stores/toasts";
import { t } from "../strings";

export const nameOf = ({ model, version }: { model: string; version: number }) => `${model}@${version}`;
export const modelUrl = (name: string) => `/models/${encodeURIComponent(name)}`;
export const versionUrl = ({ model, version }: { model: string; version: number }) => `${modelUrl(model)}/${version}`;

/** "cats@3" as a link to that version's page. */
export function VersionLink({ name }: { name: string }) {
  const [model = "", version = ""] = name.split("@");
  return <a href={`${modelUrl(model)}/${version}`}>{name}</a>;
}

interface NoteProps {
  label: string;
  note: string | null;
  onSave: (note: string) => Promise<unknown>;
}

/** A note that is read until somebody edits it. Escape leaves it as it was, Ctrl+Enter saves it. */
export function Note({ label, note, onSave }: NoteProps) {
  const id = useId();
  const [draft, setDraft] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => {
    setDraft(null);
    setProblem(null);
    requestAnimationFrame(() => opener.current?.focus());
  };
  const save = async () => {
    try {
      await onSave(draft ?? "");
      close();
    } catch (reason) {
      setProblem(asProblem(reason));
    }
  };
  if (draft === null)
    return (
      <div class="model-note">
        {note && <p>{note}</p>}
        <button class="plain" type="button" ref={opener} onClick={() => setDraft(note ?? "")}>
          {note ? t.models.editNote : t.models.addNote}
        </button>
      </div>
    );
  return (
    <form
      class="stack tight"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={3}
        maxLength={4000}
        value={draft}
        autofocus
        onInput={(event) => setDraft(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") close();
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save();
        }}
      />
      <ProblemNote problem={problem} />
      <div class="row">
        <button type="submit">{t.models.saveNote}</button>
        <button class="quiet" type="button" onClick={close}>
          {t.models.cancelNote}
        </button>
      </div>
    </form>
  );
}

export function AliasTags({ aliases }: { aliases: readonly string[] }) {
  return (
    <>
      {aliases.map((alias) => (
        <span key={alias} class="tag best">
          {alias}
        </span>
      ))}
    </>
  );
}

export function ScoreWords({ score }: { score: ScoreBrief }) {
  return (
    <span>
      <abbr title={score.title}>{score.metric.toUpperCase()}</abbr> {withError({ value: score.value, error: null })}
      <span aria-hidden="true"> {arrows[score.better]}</span>
    </span>
  );
}

/** Delete a version, and say how to have it back. `onGone` leaves its page, or reads anew what stays. */
export async function discardVersion(model: string, version: number, onGone: () => void) {
  await api.deleteVersion(model, version);
  onGone();
  toast(t.models.deletedVersion(`${model}@${version}`), async () => {
    await api.restoreVersion(model, version);
    changed();
  });
}

/** The same for a model with all its versions. */
export async function discardModel(model: string, onGone: () => void) {
  await api.deleteModel(model);
  onGone();
  toast(t.models.deletedModel(model), async () => {
    await api.restoreModel(model);
    changed();
  });
}
