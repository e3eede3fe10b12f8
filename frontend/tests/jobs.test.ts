import { beforeEach, expect, it } from "vitest";
import { jobs, remember } from "../src/stores/jobs";
import { job } from "./jobs";

beforeEach(() => {
  jobs.value = new Map();
});

const status = (id: number) => jobs.value.get(id)?.status;

it("keeps what is newer when an answer comes late", () => {
  remember([job({ id: 7, revision: 5, status: "cancelled" })]);
  remember([job({ id: 7, revision: 3, status: "running" }), job({ id: 8, status: "running" })]);
  expect([status(7), status(8)]).toEqual(["cancelled", "running"]);
  remember([job({ id: 7, revision: 5, status: "cancelled", queue_position: 2 })]); // its place changes without it
  expect(jobs.value.get(7)?.queue_position).toBe(2);
  remember([job({ id: 7, revision: 6, status: "queued" })]);
  expect(status(7)).toBe("queued");
});

it("takes a job of another database for another job", () => {
  remember([job({ id: 7, revision: 5, status: "cancelled" })]);
  remember([job({ id: 7, revision: 1, status: "queued", created_at: "2026-02-01T09:00:00Z" })]);
  expect(status(7)).toBe("queued");
});
