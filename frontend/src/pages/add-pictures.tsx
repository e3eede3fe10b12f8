/** The form that adds a data set: a zip from here, a folder of the server, or a known set to download. */

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import { fieldErrors, type Problem } from "../api/problem";
import type { Sources } from "../api/types";
import { SelectField, SwitchField, TextField } from "../components/fields";
import { Icon } from "../components/Icon";
import { Loading, ProblemNote } from "../components/pieces";
import { type Draft, type Dropped, dropped, nameOf, type Source, sources } from "../lib/adding";
import { bytes } from "../lib/format";
import { useResource } from "../lib/resource";
import { useQuery } from "../lib/url";
import { add, busy, draft, edit, refused } from "../stores/adding";
import { t } from "../strings";

interface AddPicturesProps {
  dropError: string;
  onTaken: (what: Dropped) => void;
  onAdded: () => void;
}

export function AddPictures({ dropError, onTaken, onAdded }: AddPicturesProps) {
  const [query, change] = useQuery();
  const offered = useResource("dataset sources", api.sources);
  const source = sources.find((known) => known === query.add) ?? "upload";
  return (
    <section class="panel stack" aria-labelledby="add">
      <h2 id="add">{t.adding.title}</h2>
      <fieldset class="chips bare" aria-label={t.adding.where}>
        {sources.map((known) => (
          <label class="chip" key={known}>
            <input type="radio" name="source" checked={known === source} onChange={() => change({ add: known })} />
            {t.adding.sources[known]}
          </label>
        ))}
      </fieldset>
      <ProblemNote problem={offered.problem} />
      {offered.data ? (
        <Form
          source={source}
          offered={offered.data}
          problem={refused.value}
          dropError={dropError}
          onTaken={onTaken}
          onAdded={onAdded}
        />
      ) : (
        !offered.problem && <Loading />
      )}
    </section>
  );
}

interface FormProps extends AddPicturesProps {
  source: Source;
  offered: Sources;
  problem: Problem | null;
}

function Form({ source, offered, problem, dropError, onTaken, onAdded }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const errors = fieldErrors(problem);
  const shown = [source === "upload" ? "file" : source, "name", "title", "layout", "resolution", "mirrorable"];
  const atFields =
    problem !== null && problem.errors.length > 0 && Object.keys(errors).every((name) => shown.includes(name));
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [problem]);

  const { layout, resolution, title, mirrorable } = draft.value;
  const name = nameOf(draft.value, source, offered);
  const nothing =
    (source === "folder" && offered.roots.length === 0) || (source === "download" && offered.downloads.length === 0);
  const start = async (event: Event) => {
    event.preventDefault();
    if (await add(source, offered)) onAdded();
  };
  return (
    <form class="stack" onSubmit={start} noValidate ref={form}>
      {source === "upload" && (
        <FileChoice
          draft={draft.value}
          most={offered.max_upload_bytes}
          error={dropError || errors.file}
          onTaken={onTaken}
        />
      )}
      {source === "folder" && <FolderChoice draft={draft.value} roots={offered.roots} error={errors.folder} />}
      {source === "download" && <DownloadChoice draft={draft.value} offered={offered} error={errors.download} />}
      {!nothing && (
        <div class="fields">
          <TextField
            label={t.adding.name}
            help={t.adding.nameHelp}
            value={name}
            error={errors.name}
            onText={(text) => edit({ name: text })}
          />
          <TextField
            label={t.adding.titleLabel}
            help={t.adding.titleHelp}
            value={title}
            error={errors.title}
            onText={(text) => edit({ title: text })}
          />
          {source !== "download" && (
            <SelectField
              label={t.adding.layout}
              help={offered.layouts.find((known) => known.name === layout)?.summary ?? t.adding.layoutHelp}
              value={layout}
              error={errors.layout}
              options={[["", t.adding.detect], ...offered.layouts.map((l): [string, string] => [l.name, l.title])]}
              onChoose={(chosen) => edit({ layout: chosen })}
            />
          )}
          <SelectField
            label={t.adding.resolution}
            help={t.adding.resolutionHelp}
            value={resolution}
            error={errors.resolution}
            options={["16", "32", "64", "128", "256"].map((size) => [size, `${size} px`])}
            onChoose={(chosen) => edit({ resolution: chosen })}
          />
          <SwitchField
            label={t.adding.mirrorable}
            help={t.adding.mirrorableHelp}
            on={mirrorable}
            error={errors.mirrorable}
            onSwitch={(on) => edit({ mirrorable: on })}
          />
        </div>
      )}
      {!atFields && <ProblemNote problem={problem} />}
      {!nothing && (
        <div class="row">
          <button type="submit" disabled={busy.value}>
            {busy.value ? t.adding.asking : source === "upload" ? t.adding.upload : t.adding.prepare}
          </button>
          <span class="small soft">{t.adding.skipped}</span>
        </div>
      )}
    </form>
  );
}

interface FileChoiceProps {
  draft: Draft;
  most: number;
  error: string | undefined;
  onTaken: (what: Dropped) => void;
}

function FileChoice({ draft: { file }, most, error, onTaken }: FileChoiceProps) {
  const id = useId();
  const [over, setOver] = useState(false);
  return (
    <div class="stack tight">
      <label
        class={`drop ${over ? "over" : ""}`}
        onDragOver={() => setOver(true)}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          event.stopPropagation();
          setOver(false);
          if (event.dataTransfer) onTaken(dropped(event.dataTransfer));
        }}
      >
        <input
          type="file"
          accept=".zip,application/zip"
          aria-label={t.adding.zip}
          aria-invalid={error ? true : undefined}
          aria-describedby={id}
          onChange={(event) => {
            const chosen = event.currentTarget.files?.[0];
            if (chosen) onTaken({ file: chosen });
          }}
        />
        <Icon name="add" />
        {file ? (
          <span>
            <strong>{file.name}</strong> <span class="soft">{bytes(file.size)}</span>
          </span>
        ) : (
          <span>
            <strong>{t.adding.dropHere}</strong> <span class="soft">{t.adding.orChoose}</span>
          </span>
        )}
      </label>
      <div id={id} class="stack tight">
        {error && <span class="field-error">{error}</span>}
        <span class="field-help">{t.adding.layouts(bytes(most))}</span>
      </div>
    </div>
  );
}

function FolderChoice({ draft, roots, error }: { draft: Draft; roots: string[]; error: string | undefined }) {
  if (roots.length === 0)
    return (
      <div class="empty stack">
        <p>{t.adding.noRoots}</p>
        <pre class="shell">{t.adding.rootsExample}</pre>
        <p>{t.adding.byCommand}</p>
        <pre class="shell">{t.adding.command}</pre>
      </div>
    );
  return (
    <div class="fields">
      <SelectField
        label={t.adding.root}
        help={t.adding.rootHelp}
        value={draft.root || (roots[0] ?? "")}
        error={undefined}
        options={roots.map((root) => [root, root])}
        onChoose={(root) => edit({ root })}
      />
      <TextField
        label={t.adding.path}
        help={t.adding.pathHelp}
        value={draft.path}
        error={error}
        onText={(path) => edit({ path })}
      />
    </div>
  );
}

function DownloadChoice({ draft, offered, error }: { draft: Draft; offered: Sources; error: string | undefined }) {
  const chosen = offered.downloads.find((known) => known.name === draft.download) ?? offered.downloads[0];
  if (!chosen) return <p class="empty">{t.adding.noDownloads}</p>;
  return (
    <div class="fields">
      <SelectField
        label={t.adding.set}
        help={t.adding.setHelp(chosen.images, bytes(chosen.bytes), chosen.licence)}
        value={chosen.name}
        error={error}
        options={offered.downloads.map((known) => [known.name, known.title])}
        onChoose={(download) => edit({ download })}
      />
    </div>
  );
}
