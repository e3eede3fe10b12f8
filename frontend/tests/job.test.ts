import { expect, it } from "vitest";
import type { Status } from "../src/api/types";
import {
  deeds,
  jobName,
  pending,
  priorityToLead,
  progressWords,
  queued,
  statuses,
  statusText,
  statusWords,
  troubleWords,
} from "../src/lib/job";
import { evaluation, job, preparation } from "./jobs";

it.each<[Status, string[]]>([
  ["queued", ["pause", "cancel"]],
  ["starting", ["pause", "cancel"]],
  ["running", ["pause", "cancel"]],
  ["paused", ["resume", "cancel"]],
  ["interrupted", ["resume", "retry", "cancel"]],
  ["failed", ["resume", "retry"]],
  ["cancelled", ["retry"]],
  ["succeeded", []],
])("a run that is %s offers %j", (status, offered) => expect(deeds(job({ status }))).toEqual(offered));

it("offers to take back a pause that is still to come, and nothing but to wait once it is cancelled", () => {
  expect(deeds(job({ status: "running", pause_requested: true }))).toEqual(["resume", "cancel"]);
  expect(deeds(job({ status: "running", cancel_requested: true }))).toEqual(["cancel"]);
});

it("never offers to pause a preparation, nor to go on with a failed one", () => {
  for (const status of statuses) expect(deeds(preparation({ status })), status).not.toContain("pause");
  expect(deeds(preparation({ status: "failed" }))).toEqual(["retry"]);
});

it("offers a style transfer all that a run is offered, and names it by its number", () => {
  const transfer = (status: Status) => job({ id: 7, kind: "stylize", model: null, dataset: null, status });
  for (const status of statuses) expect(deeds(transfer(status)), status).toEqual(deeds(job({ status })));
  expect(jobName(transfer("running"))).toBe("style transfer 7");
  expect(progressWords(transfer("running"))).toBe("Looks at the pictures");
  expect(progressWords({ ...transfer("failed"), total_steps: 0 })).toBe("Failed");
});

it("says what a job is about to become", () => {
  expect(statusText(job({ status: "running", pause_requested: true }))).toBe("Pausing…");
  expect(statusText(job({ status: "running", pause_requested: true, cancel_requested: true }))).toBe("Cancelling…");
  expect(statusText(job({ status: "cancelled", cancel_requested: true }))).toBe("Cancelled");
  expect(new Set(Object.values(statusWords)).size).toBe(statuses.length);
});

it("tells a job's progress in the words of its kind", () => {
  expect(progressWords(job({ queue_position: 2 }))).toBe("2nd in the queue");
  expect(progressWords(job({ status: "running" }))).toBe("Prepares the data set");
  expect(progressWords(job({ status: "running", step: 50, progress: 0.5, eta_seconds: 60 }))).toBe(
    "50 %, 1 min 00 s left",
  );
  expect(progressWords(job({ status: "interrupted", step: 50 }))).toBe("Interrupted after 50 of 100 steps");
  const scanning = { status: "running", stage: "scan", step: 1200, total_steps: 10_000 } as const;
  expect(progressWords(preparation(scanning))).toBe("Looking at every picture: 1,200 of 10,000");
  expect(progressWords(preparation({ status: "running", stage: "anything new", total_steps: 0 }))).toBe("Preparing");
  expect(progressWords(preparation({ status: "cancelled" }))).toBe("Cancelled");
});

it("tells an evaluation's progress in pictures, and names it by what it measures", () => {
  const running = evaluation({ status: "running", stage: "fid", step: 1200, total_steps: 5000, eta_seconds: 75 });
  expect(progressWords(running)).toBe("1,200 of 5,000 pictures, 1 min 15 s left");
  expect(progressWords(evaluation({ status: "running", stage: "network" }))).toBe("Opens the network");
  expect(progressWords(evaluation({ status: "failed", step: 12, total_steps: 100 }))).toBe("Failed");
  const dates = { started_at: "2026-01-10T12:00:00Z", finished_at: "2026-01-10T12:00:40Z" };
  expect(progressWords(evaluation({ status: "succeeded", step: 5000, ...dates }))).toBe(
    "5,000 pictures looked at in 40 s",
  );
  expect(jobName(running)).toBe("evaluation of first@1");
  expect(deeds(running)).toEqual(["cancel"]);
});

it("has a name for every job", () => {
  expect(jobName(job())).toBe("first");
  expect(jobName(preparation())).toBe("birds");
  expect(jobName(preparation({ dataset: null, id: 7 }))).toBe("job 7");
});

it("says whether a job that ended comes back by itself", () => {
  expect(troubleWords(job({ status: "running" }))).toBeNull();
  expect(troubleWords(job({ status: "failed", error: "No space." }))).toBe("It failed.");
  expect(troubleWords(job({ status: "interrupted", error: "Killed." }))).toContain("waits for you");
  expect(troubleWords(job({ status: "queued", error: "Killed.", restarts: 1 }))).toContain("by itself");
});

it("shows of preparations what goes on, and the last failure that nothing made good or hid", () => {
  const known = [
    preparation({ id: 9, status: "running", dataset: "birds" }),
    preparation({ id: 8, status: "failed", dataset: "birds" }),
    preparation({ id: 7, status: "interrupted", dataset: "dogs" }),
    preparation({ id: 6, status: "failed", dataset: "dogs" }),
    preparation({ id: 5, status: "failed", dataset: "cats" }),
    preparation({ id: 4, status: "failed", dataset: "read" }),
    preparation({ id: 3, status: "cancelled", dataset: "given up" }),
    preparation({ id: 2, status: "succeeded", dataset: "there" }),
    preparation({ id: 1, status: "failed", dataset: "faces" }),
  ];
  expect(pending(known, [{ name: "cats" }, { name: "there" }], [4]).map(({ id }) => id)).toEqual([9, 7, 1]);
});

it("orders the queue as the server does, and finds the priority that leads it", () => {
  const jobs = [job({ id: 1 }), job({ id: 2 }), job({ id: 3, priority: 5 }), job({ id: 4, status: "running" })];
  expect(queued(jobs).map(({ id }) => id)).toEqual([3, 1, 2]);
  expect(priorityToLead(job({ id: 2 }), jobs)).toBe(6);
  expect(priorityToLead(job({ id: 3, priority: 5 }), jobs)).toBeNull();
  expect(priorityToLead(job({ id: 9 }), [])).toBeNull();
});

it.each([
  [1, "1st"],
  [2, "2nd"],
  [3, "3rd"],
  [4, "4th"],
  [11, "11th"],
  [22, "22nd"],
])("counts the %dth in the queue", (place, words) =>
  expect(progressWords(job({ queue_position: place }))).toBe(`${words} in the queue`),
);
