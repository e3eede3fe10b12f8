// @vitest-environment happy-dom

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ServerEvent, Topic } from "../src/api/events";
import { Source } from "./source";

// As in a browser without locks, where each tab has a stream of its own; several tabs share one in tabs.test.ts.

let hidden = false;
let store: typeof import("../src/stores/events");
let leave: (() => void)[] = [];

function listen(topic: Topic, handler: (event: ServerEvent) => void = () => {}): () => void {
  const unsubscribe = store.subscribe(topic, handler);
  leave.push(unsubscribe);
  return unsubscribe;
}

beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules();
  vi.stubGlobal("EventSource", Source);
  vi.stubGlobal("navigator", Object.create(navigator, { locks: { value: undefined } }));
  vi.spyOn(document, "hidden", "get").mockImplementation(() => hidden);
  Source.opened = [];
  hidden = false;
  store = await import("../src/stores/events");
});

afterEach(async () => {
  for (const unsubscribe of leave) unsubscribe();
  leave = [];
  await settled();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const settled = () => Promise.resolve();

const topics = () => Source.alive.map((source) => source.query.topics);

it("keeps one connection for all topics, and none when nobody listens", async () => {
  const first = listen("jobs");
  const second = listen("job:7");
  await settled();
  expect(Source.opened).toHaveLength(1);
  expect(topics()).toEqual(["job:7,jobs"]);

  second(); // what is told besides costs less than another connection
  await settled();
  expect(Source.opened).toHaveLength(1);
  listen("log:vae-20260101-000000-000.txt");
  await settled();
  expect(topics()).toEqual(["jobs,log:vae-20260101-000000-000.txt"]);

  first();
  for (const unsubscribe of leave) unsubscribe();
  await settled();
  expect(topics()).toEqual([]);
});

it("hands each event to those it concerns", async () => {
  const [all, seven, log]: [ServerEvent[], ServerEvent[], ServerEvent[]] = [[], [], []];
  listen("jobs", (event) => all.push(event));
  listen("job:7", (event) => seven.push(event));
  listen("log:a.txt", (event) => log.push(event));
  await settled();
  Source.newest.say("job", { id: 8, status: "running" });
  Source.newest.say("job", { id: 7, status: "running" });
  Source.newest.say("metrics", { job: 7, step: 3, values: {} });
  Source.newest.say("preview", { job: 8, step: 3, url: "" });
  Source.newest.say("log", { log: "a.txt", offset: 0, next: 1, text: "x" });
  Source.newest.say("log", { log: "b.txt", offset: 0, next: 1, text: "y" });
  const whose = (events: ServerEvent[]) =>
    events.map((e) => (e.type === "log" ? e.data.log : e.type === "system" ? e.type : [e.type, e.job]));
  expect(whose(all)).toEqual([
    ["job", 8],
    ["job", 7],
  ]);
  expect(whose(seven)).toEqual([
    ["job", 7],
    ["metrics", 7],
  ]);
  expect(whose(log)).toEqual(["a.txt"]);
});

it("says that the server is away, comes back by itself from where it was, and has what was missed read again", async () => {
  listen("jobs");
  await settled();
  Source.newest.open();
  expect([store.connection.value, store.epoch.value]).toEqual(["open", 1]);
  Source.newest.say("job", { id: 1 }, "41");

  Source.newest.lose();
  expect(store.connection.value).toBe("away");
  await vi.advanceTimersByTimeAsync(500);
  expect(Source.opened).toHaveLength(2);
  expect(Source.newest.query.after).toBe("41");
  Source.newest.lose();
  await vi.advanceTimersByTimeAsync(900); // patience grows
  expect(Source.opened).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(100);

  Source.newest.open();
  expect([store.connection.value, store.epoch.value]).toEqual(["open", 2]);
});

it("tries at once when a request is answered, or the machine is online again", async () => {
  listen("jobs");
  await settled();
  Source.newest.open();
  store.noticed(false);
  expect([store.connection.value, Source.opened.length]).toEqual(["away", 2]);
  Source.newest.lose();
  store.noticed(false);
  expect(Source.opened).toHaveLength(2);
  store.noticed(true);
  expect(Source.opened).toHaveLength(3);
  store.noticed(true); // while it connects
  expect(Source.opened).toHaveLength(3);
  Source.newest.lose();
  dispatchEvent(new Event("online"));
  expect(Source.opened).toHaveLength(4);
  Source.newest.open();
  expect(store.connection.value).toBe("open");
});

it("looks at once whether the server is there when the machine is offline", async () => {
  listen("jobs");
  await settled();
  Source.newest.open();
  dispatchEvent(new Event("offline"));
  expect([store.connection.value, Source.opened.length]).toEqual(["away", 2]);
  Source.newest.open();
  expect(store.connection.value).toBe("open");
});

it("begins anew where the server's events do", async () => {
  const steps: unknown[] = [];
  listen("job:7", (event) => event.type === "metrics" && steps.push(event.data.step));
  await settled();
  Source.newest.open();
  Source.newest.say("metrics", { job: 7, step: 1, values: {} }, "900");
  Source.newest.lose();
  await vi.advanceTimersByTimeAsync(500);
  Source.newest.open();
  const before = store.epoch.value;
  Source.newest.say("metrics", { job: 7, step: 1, values: {} }, "3"); // another database
  Source.newest.say("metrics", { job: 7, step: 2, values: {} }, "4");
  expect(steps).toEqual([1, 1, 2]);
  expect(store.epoch.value).toBe(before + 1);
  Source.newest.lose();
  await vi.advanceTimersByTimeAsync(500);
  expect(Source.newest.query.after).toBe("4");
});

it("holds no connection while the tab is hidden", async () => {
  listen("jobs");
  await settled();
  hidden = true;
  document.dispatchEvent(new Event("visibilitychange"));
  expect(Source.alive).toEqual([]);
  hidden = false;
  document.dispatchEvent(new Event("visibilitychange"));
  expect(Source.alive).toHaveLength(1);
});
