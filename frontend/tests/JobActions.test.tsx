// @vitest-environment happy-dom

import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Job } from "../src/api/types";
import { JobActions } from "../src/components/JobActions";
import { jobs, remember } from "../src/stores/jobs";
import { job, preparation } from "./jobs";

let asked: string[];
let answer: { status: number; body: unknown };

beforeEach(() => {
  jobs.value = new Map();
  asked = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push(`${request.method} ${new URL(request.url).pathname}`);
    return new Response(JSON.stringify(answer.body), { status: answer.status });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function Live({ id, ...more }: { id: number; onNew?: (job: Job) => void; onProblem?: (p: unknown) => void }) {
  const known = jobs.value.get(id);
  return known ? <JobActions job={known} onProblem={more.onProblem ?? (() => {})} onNew={more.onNew} /> : null;
}

const button = (name: string) => screen.getByRole("button", { name });

it("turns from Pause to Resume by what the server says, and keeps the keyboard's place", async () => {
  remember([job({ id: 7, status: "running" })]);
  render(<Live id={7} />);
  answer = { status: 200, body: job({ id: 7, status: "paused" }) };
  button("Pause").focus();
  fireEvent.click(button("Pause"));
  await waitFor(() => button("Resume"));
  expect(asked).toEqual(["POST /api/v1/training-runs/7/pause"]);
  expect(document.activeElement).toBe(button("Resume"));
});

it("hands the keyboard on when the button that was pressed has gone", async () => {
  remember([job({ id: 7, status: "paused" })]);
  render(<Live id={7} />);
  answer = { status: 200, body: job({ id: 7, status: "cancelled" }) };
  button("Cancel").focus();
  fireEvent.click(button("Cancel"));
  await waitFor(() => expect(document.activeElement).toBe(button("Retry")));
});

it("asks for the end once", async () => {
  remember([job({ id: 7, status: "running" })]);
  render(<Live id={7} />);
  answer = { status: 200, body: job({ id: 7, status: "running", cancel_requested: true }) };
  fireEvent.click(button("Cancel"));
  fireEvent.click(button("Cancel"));
  await waitFor(() => expect(button("Cancel").getAttribute("aria-disabled")).toBe("true"));
  fireEvent.click(button("Cancel"));
  expect(asked).toHaveLength(1);
});

it("hands on the job that a retry made, and what the server refused", async () => {
  const [made, problems]: [Job[], unknown[]] = [[], []];
  remember([job({ id: 7, status: "failed" })]);
  render(<Live id={7} onNew={(next) => made.push(next)} onProblem={(problem) => problem && problems.push(problem)} />);
  answer = { status: 202, body: job({ id: 8, retry_of: 7 }) };
  fireEvent.click(button("Retry"));
  await waitFor(() => expect(made.map(({ id }) => id)).toEqual([8]));

  answer = { status: 409, body: { title: "Conflict", detail: "Run 7 left no checkpoint." } };
  fireEvent.click(button("Resume"));
  await waitFor(() => expect(problems).toMatchObject([{ status: 409, detail: "Run 7 left no checkpoint." }]));
});

it("speaks to the address of the job's kind", async () => {
  remember([preparation({ id: 9, status: "running" })]);
  render(<Live id={9} />);
  expect(screen.queryByRole("button", { name: "Pause" })).toBeNull();
  answer = { status: 200, body: preparation({ id: 9, status: "cancelled" }) };
  fireEvent.click(button("Cancel"));
  await waitFor(() => button("Retry"));
  expect(asked).toEqual(["POST /api/v1/preparations/9/cancel"]);
});
