/** Bringing a version: a zip from another Atelier, or weights with what they are told to be. */

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Problem } from "../api/problem";
import type { Architecture, Version } from "../api/types";
import { type Sending, sendVersion } from "../api/upload";
import { SelectField, TextField } from "../components/fields";
import { ProblemNote } from "../components/pieces";
import { bytes } from "../lib/format";
import { isBundle, nameFrom, pairsOf } from "../lib/models";
import { asProblem } from "../lib/resource";
import { changed } from "../stores/models";
import { toast } from "../stores/toasts";
import { t } from "../strings";
import { nameOf, versionUrl } from "./models-pieces";

interface ImportProps {
  dropped: File | undefined;
  architectures: Architecture[] | undefined;
  onClose: () => void;
}

export function Import({ dropped, architectures, onClose }: ImportProps) {
  const words = t.bringing;
  const id = useId();
  const { route } = useLocation();
  const [file, setFile] = useState(dropped);
  const [name, setName] = useState("");
  const [architecture, setArchitecture] = useState("");
  const [told, setTold] = useState("");
  const [channels, setChannels] = useState("3");
  const [classes, setClasses] = useState("");
  const [attributes, setAttributes] = useState("");
  const [manifest, setManifest] = useState<File>();
  const [share, setShare] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const sending = useRef<Sending<Version> | null>(null);
  useEffect(() => {
    if (dropped) setFile(dropped);
  }, [dropped]);
  useEffect(() => {
    if (file) setName((known) => known || nameFrom(file.name));
  }, [file]);
  useEffect(() => () => sending.current?.cancel(), []);
  const bare = file !== undefined && !isBundle(file.name);
  const wrong = (field: string) => problem?.errors.find(({ pointer }) => pointer.startsWith(`/${field}`))?.detail;

  const send = async (event: Event) => {
    event.preventDefault();
    if (!file || share !== null) return;
    const form = new FormData();
    form.set("model", name.trim());
    if (bare && manifest) form.set("manifest", await manifest.text());
    else if (bare && architecture) {
      const list = (text: string) =>
        text
          .split(",")
          .map((one) => one.trim())
          .filter(Boolean);
      const description = {
        architecture,
        hyperparameters: pairsOf(told),
        channels: Number(channels),
        class_names: list(classes),
        attribute_names: list(attributes),
      };
      form.set("description", JSON.stringify(description));
    }
    form.set("file", file);
    setProblem(null);
    setShare(0);
    sending.current = sendVersion(form, (sent, total) => setShare(total > 0 ? sent / total : 0));
    try {
      const version = await sending.current.answer;
      setShare(null);
      if (!version) return;
      changed();
      toast(words.brought(nameOf(version)));
      route(versionUrl(version));
    } catch (reason) {
      setShare(null);
      setProblem(asProblem(reason));
    }
  };
  const general = problem && !(["model", "file"] as const).some(wrong) ? problem : null;
  return (
    <form class="panel stack" aria-labelledby={`${id}-title`} onSubmit={send} noValidate>
      <h2 id={`${id}-title`}>{words.title}</h2>
      <div class="drop">
        <input
          id={`${id}-file`}
          type="file"
          accept=".zip,.safetensors,.pth,.pt"
          aria-describedby={`${id}-file-help`}
          onChange={(event) => setFile(event.currentTarget.files?.[0])}
        />
        <label for={`${id}-file`}>{file ? words.file(file.name, bytes(file.size)) : words.choose}</label>
      </div>
      <span id={`${id}-file-help`} class="stack tight">
        {wrong("file") && (
          <span class="field-error" role="alert">
            {wrong("file")}
          </span>
        )}
        <span class="field-help">{words.fileHelp}</span>
      </span>
      <TextField label={words.name} help={words.nameHelp} value={name} error={wrong("model")} onText={setName} />
      {bare && (
        <fieldset class="stack">
          <legend>{words.bare}</legend>
          <div class="field">
            <div class="field-label">
              <label for={`${id}-manifest`}>{words.manifest}</label>
            </div>
            <input
              id={`${id}-manifest`}
              type="file"
              accept=".json"
              onChange={(event) => setManifest(event.currentTarget.files?.[0])}
            />
          </div>
          {!manifest && (
            <div class="fields">
              <SelectField
                label={words.architecture}
                help={words.architectureHelp}
                value={architecture}
                error={wrong("description/architecture")}
                options={[
                  ["", words.chooseOne],
                  ...(architectures ?? []).map((a): [string, string] => [a.name, a.title]),
                ]}
                onChoose={setArchitecture}
              />
              <SelectField
                label={words.channels}
                help=""
                value={channels}
                error={undefined}
                options={[
                  ["3", words.colour],
                  ["1", words.grey],
                ]}
                onChoose={setChannels}
              />
              <TextField
                label={words.hyperparameters}
                help={words.hyperparametersHelp}
                value={told}
                error={wrong("description/hyperparameters")}
                onText={setTold}
              />
              <TextField
                label={words.classes}
                help={words.listHelp}
                value={classes}
                error={undefined}
                onText={setClasses}
              />
              <TextField
                label={words.attributes}
                help={words.listHelp}
                value={attributes}
                error={undefined}
                onText={setAttributes}
              />
            </div>
          )}
        </fieldset>
      )}
      <ProblemNote problem={general} />
      {share !== null && (
        <>
          <progress value={share < 1 ? share : undefined} max={1} aria-label={words.title} />
          <span class="small soft" role="status">
            {share < 1 ? words.sending : words.examining}
          </span>
        </>
      )}
      <div class="row">
        <button type="submit" disabled={!file || share !== null}>
          {words.bring}
        </button>
        <button
          class="quiet"
          type="button"
          onClick={() => {
            sending.current?.cancel();
            onClose();
          }}
        >
          {words.cancel}
        </button>
      </div>
    </form>
  );
}
