// @vitest-environment happy-dom

import { act, cleanup, render, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Preview } from "../src/api/types";
import { type Course, useCourse } from "../src/lib/course";
import type { Columns } from "../src/lib/series";
import { epoch } from "../src/stores/events";
import { Source } from "./source";

type Answer = [Columns, Preview[]];

let course: Course;
let asked: ((answer: Answer) => void)[];

function Shown() {
  course = useCourse(7, () => new Promise<Answer>((resolve) => asked.push(resolve)));
  return null;
}

beforeEach(() => {
  asked = [];
  Source.opened = [];
  vi.stubGlobal("EventSource", Source);
  vi.stubGlobal("navigator", Object.create(navigator, { locks: { value: undefined } }));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const preview = (step: number): Preview => ({ step, url: `/${step}.png` });
const until = (step: number): Answer => [{ steps: [1, step], series: { loss: [3, 2] } }, [preview(step)]];
const seen = () => [course.columns.steps, course.previews.map(({ step }) => step)];

function say(step: number) {
  Source.newest.say("metrics", { job: 7, step, values: { loss: 1 } });
  Source.newest.say("preview", { job: 7, ...preview(step) });
}

it("keeps what is told while an answer is on its way", async () => {
  await act(() => void render(<Shown />));
  await act(() => say(6));
  asked[0]?.(until(4));
  await waitFor(() =>
    expect(seen()).toEqual([
      [1, 4, 6],
      [4, 6],
    ]),
  );
  await act(() => say(8));

  await act(() => {
    epoch.value += 1; // the connection was lost, and meanwhile the run went back to a checkpoint
  });
  await act(() => say(5));
  asked[1]?.(until(3));
  await waitFor(() =>
    expect(seen()).toEqual([
      [1, 3, 5],
      [3, 5],
    ]),
  );
});
