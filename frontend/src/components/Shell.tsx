/** What surrounds every page: the rail, the sign that the server is away, the theme switch. */

import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { isLive } from "../lib/job";
import { connection } from "../stores/events";
import { jobs, useLiveJobs } from "../stores/jobs";
import { switchTheme } from "../stores/theme";
import { t } from "../strings";
import { Icon, type IconName, Mark } from "./Icon";
import { Toasts } from "./Toast";

const places: { path: string; label: string; more?: string; icon: IconName }[] = [
  { path: "/", label: "Home", icon: "home" },
  { path: "/train", label: "Train", icon: "train" },
  { path: "/runs", label: "Runs", icon: "runs" },
  { path: "/models", label: "Models", icon: "models" },
  { path: "/datasets", label: "Data sets", icon: "datasets" },
  { path: "/inference", label: "Inference", icon: "inference" },
  { path: "/metrics", label: "Metrics", icon: "metrics" },
  { path: "/style", label: "Style", more: " transfer", icon: "style" },
  { path: "/logs", label: "Logs", icon: "logs" },
];

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
        Skip to the content
      </a>
      <header class="rail">
        <a class="wordmark" href="/">
          <Mark /> Atelier
        </a>
        <Places />
        <div class="rail-foot">
          <Connection />
          <button class="plain square" type="button" onClick={switchTheme} aria-label="Switch between light and dark">
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

function Places() {
  const { path } = useLocation();
  const live = [...jobs.value.values()].filter((job) => isLive(job.status));
  const counts: Record<string, number> = {
    "/runs": live.filter((job) => job.kind === "train").length,
    "/metrics": live.filter((job) => job.kind === "evaluate").length,
    "/style": live.filter((job) => job.kind === "stylize").length,
    "/datasets": live.filter((job) => job.kind === "prepare").length,
  };
  return (
    <nav aria-label="Pages">
      <ul>
        {places.map((place) => (
          <li key={place.path}>
            <a href={place.path} aria-current={isAt(path, place.path) ? "page" : undefined}>
              <Icon name={place.icon} />
              <span>
                {place.label}
                {place.more && <span class="roomy">{place.more}</span>}
              </span>
              <Count of={counts[place.path] ?? 0} />
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Count({ of }: { of: number }) {
  if (of === 0) return null;
  return (
    <span class="count" title={`${of} waiting or running`}>
      {of}
    </span>
  );
}

function isAt(path: string, place: string): boolean {
  return place === "/" ? path === "/" : path === place || path.startsWith(`${place}/`);
}

function Connection() {
  const words = { connecting: "Connecting…", open: "Connected", away: "Server away" };
  return (
    <span
      class={`status ${connection.value === "open" ? "succeeded" : connection.value === "away" ? "failed" : "queued"}`}
    >
      {words[connection.value]}
    </span>
  );
}
