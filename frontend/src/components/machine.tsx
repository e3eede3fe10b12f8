/** How busy the machine is, as it tells by the event stream while somebody looks. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { System } from "../api/types";
import { bytes, percent } from "../lib/format";
import { useResource } from "../lib/resource";
import { subscribe } from "../stores/events";
import { t } from "../strings";

export function useSystem(): System | undefined {
  const read = useResource("system", api.system);
  const [told, setTold] = useState<System>();
  useEffect(() => subscribe("system", (event) => event.type === "system" && setTold(event.data)), []);
  return told ?? read.data;
}

export function Meters({ system }: { system: System | undefined }) {
  const used = system && system.disk.total - system.disk.free;
  return (
    <>
      <Meter
        label={t.home.processor}
        share={system && system.cpu_percent / 100}
        text={system && t.home.ofCores(percent(system.cpu_percent / 100), system.cpu_count)}
      />
      <Meter
        label={t.home.memory}
        share={system && system.memory.used / system.memory.total}
        text={system && t.home.of(bytes(system.memory.used), bytes(system.memory.total))}
      />
      <Meter
        label={t.home.disk}
        share={system && (used ?? 0) / system.disk.total}
        text={system && t.home.free(bytes(system.disk.free))}
      />
    </>
  );
}

function Meter({ label, share, text }: { label: string; share: number | undefined; text: string | undefined }) {
  return (
    <div class="meter">
      <span>{label}</span>
      <span class="soft">{text ?? "…"}</span>
      <progress value={share ?? 0} max={1} aria-label={label} />
    </div>
  );
}
