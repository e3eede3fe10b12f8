// @vitest-environment happy-dom

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { joinTabs, type Tab } from "../src/lib/tabs";
import { Source } from "./source";

/** The browser's locks, of which a tab that dies lets go. */
class Locks {
  private held = new Map<string, { owner: string; steal: () => void }>();
  private queue: { name: string; owner: string; run: () => void }[] = [];
  owner = ""; // whose requests come now

  request(name: string, options: { signal?: AbortSignal; steal?: boolean } | (() => unknown), job?: () => unknown) {
    const [{ signal, steal = false }, work] = typeof options === "function" ? [{}, options] : [options, job];
    const owner = this.owner;
    return new Promise((resolve, reject) => {
      const refuse = () => reject(new DOMException("", "AbortError"));
      const entry = {
        name,
        owner,
        run: () => {
          this.held.set(name, { owner, steal: refuse });
          const mine = this.held.get(name);
          Promise.resolve(work?.()).then((value) => {
            if (this.held.get(name) === mine) this.held.delete(name);
            resolve(value);
            this.next();
          });
        },
      };
      signal?.addEventListener("abort", () => {
        this.queue = this.queue.filter((other) => other !== entry);
        refuse();
      });
      if (steal) {
        this.held.get(name)?.steal();
        entry.run();
      } else this.queue.push(entry);
      this.next();
    });
  }

  async query() {
    return { held: [...this.held.keys()].map((name) => ({ name })) };
  }

  die(owner: string) {
    this.queue = this.queue.filter((entry) => entry.owner !== owner || entry.name !== "atelier.events");
    for (const [name, lock] of this.held) if (lock.owner === owner) this.held.delete(name);
    this.next();
  }

  private next() {
    for (const entry of [...this.queue]) {
      if (this.held.has(entry.name)) continue;
      this.queue = this.queue.filter((other) => other !== entry);
      entry.run();
    }
  }
}

/** As the browser's, with a switch for a tab that is dead or asleep: it neither hears nor speaks. */
class Channel {
  static open = new Set<Channel>();
  static tab = "";
  static mute = new Set<string>();
  readonly owner = Channel.tab;
  onmessage?: (message: { data: unknown }) => void;

  constructor(readonly name: string) {
    Channel.open.add(this);
  }

  postMessage(data: unknown) {
    if (Channel.mute.has(this.owner)) return;
    const copy = structuredClone(data);
    for (const other of Channel.open)
      if (other !== this) queueMicrotask(() => !Channel.mute.has(other.owner) && other.onmessage?.({ data: copy }));
  }

  close() {
    Channel.open.delete(this);
  }
}

let locks: Locks;
let tabs: Record<string, { tab: Tab; told: string[]; states: string[]; missed: number }>;

async function join(name: string, ...topics: string[]) {
  locks.owner = name;
  Channel.tab = name;
  const mine = { told: [] as string[], states: [] as string[], missed: 0 };
  const tab = joinTabs({
    onEvent: (type, data) => mine.told.push(`${type} ${JSON.parse(data).step}`),
    onState: (state) => mine.states.push(state),
    onMissed: () => {
      mine.missed += 1;
    },
  });
  tabs[name] = Object.assign(mine, { tab });
  tab.want(topics);
  await settled();
  return tabs[name];
}

/** Without a word to anybody, as a tab that crashes. Its connection goes with it. */
async function die(name: string) {
  Channel.mute.add(name);
  locks.die(name);
  await settled();
}

const settled = async () => {
  await vi.advanceTimersByTimeAsync(0);
  await vi.advanceTimersByTimeAsync(0);
};

const metrics = (job: number, step: number) => Source.newest.say("metrics", { job, step }, String(step));

beforeEach(() => {
  vi.useFakeTimers();
  locks = new Locks();
  tabs = {};
  Channel.open.clear();
  Channel.mute.clear();
  Source.opened = [];
  vi.stubGlobal("EventSource", Source);
  vi.stubGlobal("BroadcastChannel", Channel);
  vi.stubGlobal("navigator", Object.create(navigator, { locks: { value: locks } }));
});

afterEach(() => {
  for (const { tab } of Object.values(tabs)) tab.leave();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("has one connection for all tabs, about all that any of them wants", async () => {
  const first = await join("first", "jobs");
  expect(Source.newest.query).toEqual({ topics: "jobs" });
  Source.newest.open();
  metrics(7, 1);
  const second = await join("second", "jobs", "job:7");
  expect(Source.opened).toHaveLength(2);
  expect(Source.alive.map(({ query }) => query)).toEqual([{ topics: "job:7,jobs", after: "1" }]);
  Source.newest.open();
  metrics(7, 2);
  await settled();
  expect(first.told).toEqual(["metrics 1", "metrics 2"]);
  expect(second.told).toEqual(["metrics 2"]);
  // What the second read before the connection was about its topics may be old; the first missed nothing.
  expect([first.missed, second.missed]).toEqual([1, 1]);
  expect(second.states.at(-1)).toBe("open");
});

it("tells a tab that comes later the state of things, and lets it read but once where the stream is about its topics", async () => {
  await join("first", "jobs");
  Source.newest.open();
  const second = await join("second", "jobs");
  expect(Source.opened).toHaveLength(1);
  expect([second.states, second.missed]).toEqual([["open"], 0]);
});

it("goes on in another tab when the leader dies: nothing is lost, nothing is told twice", async () => {
  await join("first", "jobs");
  Source.newest.open();
  const second = await join("second", "job:7");
  const third = await join("third", "job:7");
  Source.newest.open();
  metrics(7, 1);
  metrics(7, 2);
  await settled();
  const missed = [second.missed, third.missed];
  Channel.mute.add("third"); // the third does not hear the last words
  metrics(7, 3);
  await settled();
  Channel.mute.delete("third");
  const dead = Source.newest;
  await die("first");
  expect(Source.newest).not.toBe(dead);
  expect(Source.newest.query).toEqual({ topics: "job:7", after: "2" }); // of all tabs, the one that knows least
  Source.newest.open();
  for (const step of [3, 4]) metrics(7, step);
  await settled();
  expect(second.told).toEqual([1, 2, 3, 4].map((step) => `metrics ${step}`));
  expect(third.told).toEqual(second.told);
  expect([second.missed, third.missed]).toEqual(missed);
});

it("asks for nothing any more that only a tab wanted which is gone", async () => {
  await join("first", "jobs");
  await join("second", "job:7");
  await die("second");
  await join("third", "job:8");
  expect(Source.newest.query.topics).toBe("job:8,jobs");
});

it("takes over from a leader that is asleep when somebody looks", async () => {
  await join("first", "jobs");
  Source.newest.open();
  const second = await join("second", "jobs");
  metrics(7, 1);
  await settled();
  document.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(1500);
  expect(Source.opened).toHaveLength(1); // it answered

  Channel.mute.add("first");
  document.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(1500);
  expect(Source.newest.query).toEqual({ topics: "jobs", after: "1" });
  Source.newest.open();
  metrics(7, 2);
  await settled();
  expect(second.told).toEqual(["metrics 1", "metrics 2"]);

  Channel.mute.delete("first"); // it wakes, and follows
  metrics(7, 3);
  await settled();
  expect(tabs.first?.told.at(-1)).toBe("metrics 3");
  expect(Source.alive).toHaveLength(1);
});

it("tells all tabs when the server goes away, and connects anew when one of them doubts", async () => {
  const first = await join("first", "jobs");
  Source.newest.open();
  const second = await join("second", "jobs");
  second.tab.doubt();
  await settled();
  expect(Source.opened).toHaveLength(2);
  Source.newest.lose();
  await settled();
  expect([first.states.at(-1), second.states.at(-1)]).toEqual(["away", "away"]);
  await vi.advanceTimersByTimeAsync(500);
  Source.newest.open();
  await settled();
  expect([first.states.at(-1), second.states.at(-1)]).toEqual(["open", "open"]);
});
