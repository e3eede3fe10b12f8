/** What surrounds every page: the rail, the sign that the server is away, the theme switch. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { isLive } from "../lib/job";
import { connection } from "../stores/events";
import { jobs, useLiveJobs } from "../stores/jobs";
import { switchTheme } from "../stores/theme";
import { t } from "../strings";
import { Dialog } from "./Dialog";
import { Icon, type IconName, Mark } from "./Icon";
import { Toasts } from "./Toast";

const places: { path: string; name: keyof typeof t.shell.places; icon: IconName }[] = [
  { path: "/", name: "home", icon: "home" },
  { path: "/train", name: "train", icon: "train" },
  { path: "/runs", name: "runs", icon: "runs" },
  { path: "/models", name: "models", icon: "models" },
  { path: "/inference", name: "inference", icon: "inference" },
  { path: "/style", name: "style", icon: "style" },
  { path: "/datasets", name: "datasets", icon: "datasets" },
  { path: "/metrics", name: "metrics", icon: "metrics" },
  { path: "/logs", name: "logs", icon: "logs" },
  { path: "/settings", name: "settings", icon: "settings" },
];
const often = 5; // of them stand at the foot of a phone, the others behind "More"

/** Who came to a page by a link goes on from its heading. */
export function arrive() {
  const main = document.getElementById("main");
  (main?.querySelector("h1") ?? main)?.focus({ preventScroll: true });
}

export function Shell({ children }: { children: ComponentChildren }) {
  useLiveJobs();
  return (
    <>
      <a class="button skip" href="#main">
        {t.shell.skip}
      </a>
      <header class="rail">
        <a class="wordmark" href="/">
          <Mark /> {t.shell.atelier}
        </a>
        <nav aria-label={t.shell.pages}>
          <Places of={places} />
          <More />
        </nav>
        <div class="rail-foot">
          <Connection />
          <button class="plain square" type="button" onClick={switchTheme} aria-label={t.shell.theme}>
            <Icon name="moon" size={18} />
          </button>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <Toasts />
      <div role="status">
        {connection.value === "away" && (
          <p class="away">
            <strong>{navigator.onLine ? t.shell.serverAway : t.shell.offline}</strong> <span>{t.shell.awayMeans}</span>
          </p>
        )}
      </div>
    </>
  );
}

function Places({ of }: { of: typeof places }) {
  const { path } = useLocation();
  const live = [...jobs.value.values()].filter((job) => isLive(job.status));
  const counts: Record<string, number> = {
    "/runs": live.filter((job) => job.kind === "train").length,
    "/metrics": live.filter((job) => job.kind === "evaluate").length,
    "/style": live.filter((job) => job.kind === "stylize").length,
    "/datasets": live.filter((job) => job.kind === "prepare").length,
  };
  return (
    <ul>
      {of.map((place) => (
        <li key={place.path}>
          <a href={place.path} aria-current={isAt(path, place.path) ? "page" : undefined}>
            <Icon name={place.icon} />
            <span>{t.shell.places[place.name]}</span>
            <Count of={counts[place.path] ?? 0} />
          </a>
        </li>
      ))}
    </ul>
  );
}

/** On a phone, the way to the pages that have no place at its foot. */
function More() {
  const { path } = useLocation();
  const [open, setOpen] = useState(false);
  const rare = places.slice(often);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page was chosen
  useEffect(() => setOpen(false), [path]);
  return (
    <>
      <button
        class="more"
        type="button"
        aria-haspopup="dialog"
        aria-current={rare.some((place) => isAt(path, place.path)) ? "true" : undefined}
        onClick={() => setOpen(true)}
      >
        <Icon name="more" />
        <span>{t.shell.more}</span>
      </button>
      {open && (
        <Dialog title={t.shell.more} onClose={() => setOpen(false)}>
          <Places of={rare} />
        </Dialog>
      )}
    </>
  );
}

function Count({ of }: { of: number }) {
  if (of === 0) return null;
  return (
    <span class="count" title={t.shell.count(of)}>
      {of}
    </span>
  );
}

function isAt(path: string, place: string): boolean {
  return place === "/" ? path === "/" : path === place || path.startsWith(`${place}/`);
}

function Connection() {
  return (
    <span
      class={`status ${connection.value === "open" ? "succeeded" : connection.value === "away" ? "failed" : "queued"}`}
    >
      {t.shell.connection[connection.value]}
    </span>
  );
}
