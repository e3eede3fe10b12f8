/** The buttons of a job: what its state allows, and nothing else. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Problem } from "../api/problem";
import type { Job } from "../api/types";
import { type Deed, deeds } from "../lib/job";
import { asProblem } from "../lib/resource";
import { remember } from "../stores/jobs";
import { t } from "../strings";

interface JobActionsProps {
  job: Job;
  onProblem: (problem: Problem | null) => void;
  onNew?: (job: Job) => void; // a retry is a job of its own
  children?: ComponentChildren; // what else can be done
}

export function JobActions({ job, onProblem, onNew, children }: JobActionsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [asking, setAsking] = useState(false);
  const [acted, setActed] = useState(false);

  const ask = async (deed: Deed) => {
    if (asking || asked(job, deed)) return;
    setAsking(true);
    setActed(true);
    onProblem(null);
    try {
      const told = await api.ask(job, deed);
      remember([told]);
      if (told.id !== job.id) onNew?.(told);
    } catch (reason) {
      onProblem(asProblem(reason));
    }
    setAsking(false);
  };

  // Who pressed a button by keyboard goes on from what took its place.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new state has new buttons
  useLayoutEffect(() => {
    if (acted && document.activeElement === document.body)
      box.current?.querySelector<HTMLElement>("a, button")?.focus();
  }, [job.status]);

  return (
    <div class="row" ref={box}>
      {children}
      {deeds(job).map((deed) => (
        <button
          key={slots[deed]}
          class="quiet"
          type="button"
          title={t.run.deedsHelp[deed]}
          aria-disabled={asked(job, deed) || undefined}
          onClick={() => ask(deed)}
        >
          {t.run.deeds[deed]}
        </button>
      ))}
    </div>
  );
}

const slots: Record<Deed, string> = { pause: "flow", resume: "flow", cancel: "cancel", retry: "retry" };

/** The state says the same already, and the server would, too. */
function asked(job: Job, deed: Deed): boolean {
  return deed === "cancel" && job.cancel_requested;
}
