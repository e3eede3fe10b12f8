/** How the page looks, and how this installation is set up: devices, storage, optional parts, what the operator set. */

import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Part, Setting, System } from "../api/types";
import { Meters, useSystem } from "../components/machine";
import { Bars, FactList, PageHead, ProblemNote } from "../components/pieces";
import { bytes } from "../lib/format";
import { asProblem, useResource } from "../lib/resource";
import { chooseTheme, type Theme, theme } from "../stores/theme";
import { settle, toast } from "../stores/toasts";
import { t } from "../strings";

const words = t.settings;

export default function Settings() {
  const system = useSystem();
  return (
    <div class="page">
      <PageHead title={words.title}>
        <p class="lead">{words.lead}</p>
      </PageHead>
      <section class="stack close" aria-labelledby="theme">
        <h2 id="theme">{words.theme}</h2>
        <fieldset class="chips bare" aria-labelledby="theme">
          {(Object.keys(words.themes) as Theme[]).map((one) => (
            <label class="chip" key={one}>
              <input type="radio" name="theme" checked={theme.value === one} onChange={() => chooseTheme(one)} />
              {words.themes[one]}
            </label>
          ))}
        </fieldset>
        <p class="small soft">{words.themeHelp}</p>
      </section>
      <div class="halves">
        <section class="panel stack" aria-labelledby="machine">
          <h2 id="machine">{words.machine}</h2>
          <Meters system={system} />
          {system && <FactList facts={factsOf(system)} />}
        </section>
        <Loaded system={system} />
      </div>
      <Storage />
      <Parts />
      <Operator />
      <About system={system} />
    </div>
  );
}

function factsOf(system: System): [string, string][] {
  const { inference } = system;
  return [
    [words.device, system.device],
    [words.devices, system.devices.join(", ")],
    [words.jobThreads, String(system.job_threads)],
    [words.drawThreads, String(system.draw_threads)],
    [words.server, bytes(system.process_memory)],
    [words.drawer, inference.memory > 0 ? bytes(inference.memory) : words.notRunning],
    [words.python, system.python],
    [words.torch, system.torch.replace(/\+.*/, "")], // without its build
  ];
}

/** Does something once, and tells what became of it. */
function useDeed(): [Problem | null, (deed: () => Promise<string>) => Promise<void>] {
  const [problem, setProblem] = useState<Problem | null>(null);
  const attempt = async (deed: () => Promise<string>) => {
    setProblem(null);
    try {
      toast(await deed());
    } catch (reason) {
      setProblem(asProblem(reason));
    }
  };
  return [problem, attempt];
}

function Loaded({ system }: { system: System | undefined }) {
  const [problem, attempt] = useDeed();
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set()); // until the machine tells again
  const inference = system?.inference;
  const loaded = (inference?.loaded ?? []).filter(({ name }) => !gone.has(name));
  const unload = (name: string) =>
    attempt(async () => {
      const [model = "", version] = name.split("@");
      await api.unload(model, Number(version));
      setGone(new Set([...gone, name]));
      return words.unloaded(name);
    });
  return (
    <section class="panel stack close" aria-labelledby="loaded">
      <h2 id="loaded">{words.loaded}</h2>
      <p class="small soft">
        {inference && loaded.length > 0
          ? words.loadedHelp(bytes(inference.loaded_bytes), bytes(inference.most_loaded_bytes))
          : words.noneLoaded}
      </p>
      <ProblemNote problem={problem} />
      <ul class="stack tight">
        {loaded.map(({ name, bytes: size }) => (
          <li key={name} class="with-button">
            <span>
              {name} <span class="small soft">{bytes(size)}</span>
            </span>
            <button class="quiet" type="button" aria-label={words.unloadVersion(name)} onClick={() => unload(name)}>
              {words.unload}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Storage() {
  const { data, problem, reload } = useResource("storage", api.storage);
  const [refused, attempt] = useDeed();
  if (!data) return <ProblemNote problem={problem} />;
  const areas = data.areas.filter(({ files }) => files > 0).sort((a, b) => b.bytes - a.bytes);
  const has = (area: string) => areas.some((one) => one.area === area);
  const empty = async () => {
    const told = words.emptied((await api.emptyBin()).versions.length);
    settle();
    reload();
    return told;
  };
  const prune = async () => {
    const told = words.pruned((await api.pruneImages()).images);
    reload();
    return told;
  };
  return (
    <section class="panel stack" aria-labelledby="storage">
      <h2 id="storage">{words.storage}</h2>
      <p class="small soft">{words.storageHelp(bytes(data.bytes), data.folder)}</p>
      <Bars
        label={words.storage}
        rows={areas.map(({ area, bytes: size }) => ({ name: words.areas[area], value: size, text: bytes(size) }))}
      />
      <ProblemNote problem={refused} />
      <div class="row">
        {has("bin") && <ForGood label={words.emptyBin} onSure={() => attempt(empty)} />}
        {has("images") && <ForGood label={words.prune} onSure={() => attempt(prune)} />}
        {has("images") && <span class="small soft">{words.pruneHelp}</span>}
      </div>
    </section>
  );
}

/** A button that asks once more: what it does is not taken back. */
function ForGood({ label, onSure }: { label: string; onSure: () => void }) {
  const [asked, ask] = useState(false);
  if (!asked)
    return (
      <button class="quiet" type="button" onClick={() => ask(true)}>
        {label}
      </button>
    );
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for what is filled in
    <span class="row" role="group" aria-label={label}>
      <span>
        {label}: {words.sure}
      </span>
      <button
        class="danger"
        type="button"
        onClick={() => {
          ask(false);
          onSure();
        }}
      >
        {words.yes}
      </button>
      <button class="quiet" type="button" ref={(button) => button?.focus()} onClick={() => ask(false)}>
        {words.no}
      </button>
    </span>
  );
}

function Parts() {
  const { data, problem } = useResource("parts", api.parts);
  return (
    <section class="stack close" aria-labelledby="parts">
      <h2 id="parts">{words.parts}</h2>
      <p class="small soft">{words.partsHelp}</p>
      <ProblemNote problem={problem} />
      <ul class="cards">
        {data?.map((part) => (
          <PartCard key={part.name} part={part} />
        ))}
      </ul>
    </section>
  );
}

function PartCard({ part: { title, purpose, here, command, download_bytes } }: { part: Part }) {
  const copy = async () => {
    await navigator.clipboard.writeText(command ?? "");
    toast(words.copied);
  };
  return (
    <li class="panel stack tight">
      <div class="row apart">
        <h3>{title}</h3>
        <span class={`status ${here ? "succeeded" : ""}`}>{here ? words.here : words.notHere}</span>
      </div>
      <p class="small soft">{purpose}</p>
      {!here && command && (
        <>
          <code class="shell">{command}</code>
          <span class="row small soft">
            <button class="plain" type="button" onClick={copy}>
              {words.copy}
            </button>
            {download_bytes !== null && words.download(bytes(download_bytes))}
          </span>
        </>
      )}
    </li>
  );
}

function Operator() {
  const { data, problem } = useResource("settings", api.settings);
  return (
    <section class="stack close" aria-labelledby="operator">
      <h2 id="operator">{words.operator}</h2>
      <p class="small soft">{words.operatorHelp}</p>
      <ProblemNote problem={problem} />
      {data && (
        <table class="files operator">
          <thead>
            <tr>
              <th scope="col">{words.setting}</th>
              <th scope="col">{words.value}</th>
              <th scope="col">{words.meaning}</th>
            </tr>
          </thead>
          <tbody>
            {data.map((setting) => (
              <OperatorRow key={setting.name} setting={setting} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function OperatorRow({ setting: { variable, value, changed, description, ...setting } }: { setting: Setting }) {
  return (
    <tr>
      <th scope="row" class="mono">
        {variable}
      </th>
      <td>
        <span class="mono">{value ?? words.notSet}</span>
        {changed && (
          <>
            <br />
            <span class="tag told">{words.changed}</span>{" "}
            <span class="soft">{words.byDefault(setting.default ?? words.notSet)}</span>
          </>
        )}
      </td>
      <td>{description}</td>
    </tr>
  );
}

function About({ system }: { system: System | undefined }) {
  return (
    <section class="stack close" aria-labelledby="about">
      <h2 id="about">{words.about}</h2>
      <p class="row">
        {system && <span>{words.version(system.version)}</span>}
        <a href="/docs" target="_blank" rel="noreferrer">
          {words.docs}
        </a>
        <a href="/openapi.json" target="_blank" rel="noreferrer">
          {words.openapi}
        </a>
        <span class="soft">{words.licence}</span>
      </p>
    </section>
  );
}
