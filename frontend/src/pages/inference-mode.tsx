/** What every mode of the inference page is given, and what they have in common. */

import type { ComponentChildren } from "preact";
import type { Model, Version } from "../api/types";
import type { Can } from "../lib/abilities";
import type { Changes, Query } from "../lib/url";
import type { Busy } from "../lib/working";
import { t } from "../strings";

export interface ModeProps {
  models: Model[]; // with at least one version each
  version: Version;
  can: Can;
  query: Query;
  change: (changes: Changes) => void;
  reload: () => void; // the version can do more by now
}

/** The pictures first, and what moves them beside them; below them where there is no room. */
export function Easel({ children, controls }: { children: ComponentChildren; controls: ComponentChildren }) {
  return (
    <div class="easel">
      <div class="stack">{children}</div>
      {controls}
    </div>
  );
}

/** What goes on, in words that are also heard. */
export function BusyNote({ busy, done }: { busy: Busy; done: string }) {
  const words = typeof busy === "number" ? t.inference.waits(busy) : busy === "no" ? done : t.inference.busy[busy];
  return (
    <span class={`small soft busy-note ${busy === "no" ? "" : "on"}`} role="status">
      {words}
    </span>
  );
}
