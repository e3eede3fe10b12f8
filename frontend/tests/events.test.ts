// @vitest-environment happy-dom

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ServerEvent, Topic } from "../src/api/events";

/** The browser's EventSource, driven by hand. */
class Source extends EventTarget {
  static readonly CLOSED = 2;
  static opened: Source[] = [];
  readyState = 0;
  onopen?: () => void;
  onerror?: () => void;
  constructor(readonly url: string) {
    super();
    Source.opened.push(this);
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  lose(readyState: number) {
    this.readyState = readyState;
    this.onerror?.();
  }
  say(type: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
  close() {
    this.readyState = Source.CLOSED;
  }
  static get newest(): Source {
    const source = Source.opened.at(-1);
    if (!source) throw new Error("no connection was opened");
    return source;
  }
  static get alive(): Source[] {
    return Source.opened.filter((source) => source.readyState !== Source.CLOSED);
  }
}

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

it("keeps one connection for all topics, and none when nobody listens", async () => {
  const first = listen("jobs");
  const second = listen("job:7");
  await settled();
  expect(Source.opened.map((s) => s.url)).toEqual(["/api/v1/events?topics=job%3A7%2Cjobs"]);

  second();
  await settled();
  expect(Source.alive.map((s) => s.url)).toEqual(["/api/v1/events?topics=jobs"]);

  first();
  await settled();
  expect(Source.alive).toEqual([]);
});

it("hands each event to those it concerns", async () => {
  const [all, seven]: [ServerEvent[], ServerEvent[]] = [[], []];
  listen("jobs", (event) => all.push(event));
  listen("job:7", (event) => seven.push(event));
  await settled();
  Source.newest.say("job", { id: 8, status: "running" });
  Source.newest.say("job", { id: 7, status: "running" });
  Source.newest.say("metrics", { job: 7, step: 3, values: {} });
  Source.newest.say("preview", { job: 8, step: 3, url: "" });
  expect(all.map((e) => [e.type, e.job])).toEqual([
    ["job", 8],
    ["job", 7],
  ]);
  expect(seven.map((e) => [e.type, e.job])).toEqual([
    ["job", 7],
    ["metrics", 7],
  ]);
});

it("says that the server is away, comes back by itself, and asks for what was missed", async () => {
  listen("jobs");
  await settled();
  Source.newest.open();
  expect([store.connection.value, store.epoch.value]).toEqual(["open", 1]);

  Source.newest.lose(Source.CLOSED);
  expect(store.connection.value).toBe("away");
  await vi.advanceTimersByTimeAsync(500);
  expect(Source.opened).toHaveLength(2);

  Source.newest.open();
  expect([store.connection.value, store.epoch.value]).toEqual(["open", 2]);
});

it("leaves the first attempts to the browser, which knows the last event", async () => {
  listen("jobs");
  await settled();
  Source.newest.lose(0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(Source.opened).toHaveLength(1);
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
