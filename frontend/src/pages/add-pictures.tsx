/** The form that adds a data set: a zip from here, a folder of the server, or a known set to download. */

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import { fieldErrors, type Problem } from "../api/problem";
import type { Sources } from "../api/types";
import { SelectField, SwitchField, TextField } from "../components/fields";
import { Icon } from "../components/Icon";
import { Loading, ProblemNote } from "../components/pieces";
import { type Draft, type Dropped, dropped, nameOf, type Source, sources } from "../lib/adding";
import { bytes, plural } from "../lib/format";
import { useResource } from "../lib/resource";
import { useQuery } from "../lib/url";
import { add, busy, draft, edit, refused } from "../stores/adding";

const sourceWords: Record<Source, string> = {
  upload: "A zip file",
  folder: "A folder of the server",
  download: "A known set",
};

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
      <h2 id="add">Add pictures</h2>
      <fieldset class="chips bare" aria-label="Where the pictures are">
        {sources.map((known) => (
          <label class="chip" key={known}>
            <input type="radio" name="source" checked={known === source} onChange={() => change({ add: known })} />
            {sourceWords[known]}
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
            label="Name"
            help="What runs call it: small letters, digits, dots and dashes."
            value={name}
            error={errors.name}
            onText={(text) => edit({ name: text })}
          />
          <TextField
            label="Title"
            help="What people read; the name where there is none."
            value={title}
            error={errors.title}
            onText={(text) => edit({ title: text })}
          />
          {source !== "download" && (
            <SelectField
              label="Layout"
              help={
                offered.layouts.find((known) => known.name === layout)?.summary ?? "Found out by looking at the files."
              }
              value={layout}
              error={errors.layout}
              options={[["", "detect it"], ...offered.layouts.map((l): [string, string] => [l.name, l.title])]}
              onChoose={(chosen) => edit({ layout: chosen })}
            />
          )}
          <SelectField
            label="Prepare at"
            help="The size that is made now; runs may ask for others later."
            value={resolution}
            error={errors.resolution}
            options={["16", "32", "64", "128", "256"].map((size) => [size, `${size} px`])}
            onChoose={(chosen) => edit({ resolution: chosen })}
          />
          <SwitchField
            label="May be mirrored"
            help="Left and right can be swapped. Not so for writing and digits."
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
            {busy.value ? "Asking…" : source === "upload" ? "Upload and prepare" : "Prepare"}
          </button>
          <span class="small soft">Files that are no pictures are skipped, and listed by name.</span>
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
          aria-label="Zip file"
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
            <strong>Drop a zip file here</strong> <span class="soft">or choose one</span>
          </span>
        )}
      </label>
      <div id={id} class="stack tight">
        {error && <span class="field-error">{error}</span>}
        <span class="field-help">
          Pictures in one folder, in a folder for each class, with captions in text files of the same name, or in a
          published layout. Up to {bytes(most)}.
        </span>
      </div>
    </div>
  );
}

function FolderChoice({ draft, roots, error }: { draft: Draft; roots: string[]; error: string | undefined }) {
  if (roots.length === 0)
    return (
      <div class="empty stack">
        <p>
          The server opens no folders of its own yet. Say which ones it may look into by the setting{" "}
          <code>ATELIER_DATA_ROOTS</code>, a JSON list, and start it again:
        </p>
        <pre class="shell">ATELIER_DATA_ROOTS='["/home/me/pictures"]' atelier serve</pre>
        <p>
          On the server's machine itself, <code>atelier datasets add FOLDER --name NAME</code> takes any folder.
        </p>
      </div>
    );
  return (
    <div class="fields">
      <SelectField
        label="Root"
        help="Folders that ATELIER_DATA_ROOTS allows."
        value={draft.root || (roots[0] ?? "")}
        error={undefined}
        options={roots.map((root) => [root, root])}
        onChoose={(root) => edit({ root })}
      />
      <TextField
        label="Folder below it"
        help="Empty: the root itself."
        value={draft.path}
        error={error}
        onText={(path) => edit({ path })}
      />
    </div>
  );
}

function DownloadChoice({ draft, offered, error }: { draft: Draft; offered: Sources; error: string | undefined }) {
  const chosen = offered.downloads.find((known) => known.name === draft.download) ?? offered.downloads[0];
  if (!chosen) return <p class="empty">This server knows no sets to download.</p>;
  return (
    <div class="fields">
      <SelectField
        label="Set"
        help={`${plural(chosen.images, "picture")}, ${bytes(chosen.bytes)} to download. ${chosen.licence}`}
        value={chosen.name}
        error={error}
        options={offered.downloads.map((known) => [known.name, known.title])}
        onChoose={(download) => edit({ download })}
      />
    </div>
  );
}
