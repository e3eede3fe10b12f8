// @vitest-environment happy-dom

import { act, cleanup, render, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { api } from "../src/api/client";
import type { Preview } from "../src/api/types";
import { useBeside, useCourse } from "../src/lib/course";
import type { Columns } from "../src/lib/series";
import { epoch } from "../src/stores/events";
import { run } from "./jobs";
import { Source } from "./source";

let answers: ((step: number) => void)[]; // to what was asked, with what is kept until a step
let points: number[][]; // the steps of each curve
let pictures: number[];

const preview = (step: number): Preview => ({ step, url: `/${step}.png` });
const curve = (step: number): Columns => ({ steps: [1, step], series: { loss: [3, 2] } });

function asked<T>(kept: (step: number) => T): Promise<T> {
  return new Promise((resolve) => answers.push((step) => resolve(kept(step))));
}

function Shown() {
  const { columns, previews } = useCourse(7, () =>
    asked((step): [Columns, Preview[]] => [curve(step), [preview(step)]]),
  );
  points = [columns.steps];
  pictures = previews.map(({ step }) => step);
  return null;
}

function Beside() {
  points = useBeside([8, 9]).runs.map(({ columns }) => columns.steps);
  return null;
}

beforeEach(() => {
  answers = [];
  Source.opened = [];
  vi.stubGlobal("EventSource", Source);
  vi.stubGlobal("navigator", Object.create(navigator, { locks: { value: undefined } }));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const say = (job: number, step: number) =>
  act(() => {
    Source.newest.say("metrics", { job, step, values: { loss: 1 } });
    Source.newest.say("preview", { job, ...preview(step) });
  });
const readAgain = () =>
  act(() => {
    epoch.value += 1;
  });

it("keeps what a run tells while an answer is on its way", async () => {
  await act(() => void render(<Shown />));
  await say(7, 6);
  answers[0]?.(4);
  await waitFor(() => expect([points, pictures]).toEqual([[[1, 4, 6]], [4, 6]]));
  await say(7, 8);

  await readAgain(); // the connection was lost, and meanwhile the run went back to a checkpoint
  await say(7, 5);
  answers[1]?.(3);
  await waitFor(() => expect([points, pictures]).toEqual([[[1, 3, 5]], [3, 5]]));
});

it("keeps what runs beside it tell meanwhile", async () => {
  vi.spyOn(api, "run").mockImplementation(async (id) => run({ id, status: "running" }));
  vi.spyOn(api, "metrics").mockImplementation(() => asked(curve));
  await act(() => void render(<Beside />));
  for (const answer of answers.splice(0)) answer(4);
  await waitFor(() =>
    expect(points).toEqual([
      [1, 4],
      [1, 4],
    ]),
  );
  await readAgain();
  await say(9, 6);
  for (const answer of answers) answer(5);
  await waitFor(() =>
    expect(points).toEqual([
      [1, 5],
      [1, 5, 6],
    ]),
  );
});
