/** What the leading tab does for all: it holds the one event stream, about all that any tab wants, and tells what comes. */

import { openStream, type Stream } from "./stream";

export type Connection = "connecting" | "open" | "away";

/** What a tab wants of the leader. */
export interface Want {
  kind: "want";
  tab: string;
  topics: string[];
  last: number | null; // id of the last event that it was told
  held: boolean; // whether an earlier leader told it all about these topics, up to that event
}

/** What the leader tells the tabs. */
export type Word =
  | { kind: "lead" } // a new leader: say what you want
  | { kind: "event"; type: string; id: number | null; data: string }
  | { kind: "state"; state: Connection }
  | { kind: "held"; tab: string; topics: string[]; missed: boolean } // the stream is about these now; what was missed has to be read
  | { kind: "anew" } // the server's events count from the beginning again
  | { kind: "here" };

const types = ["job", "metrics", "preview", "log", "system"];
const passing = ["log", "system"]; // have no ids: what was missed of them is read elsewhere
const gathering = 300; // milliseconds in which the tabs that are open have to say what they want; who says it later is told what it missed

export class Leader {
  private readonly wants = new Map<string, Want>();
  private readonly waiting = new Set<string>(); // tabs whose topics come with the connection that is being made
  private expected = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private state: Connection = "connecting";
  private stream: Stream | undefined;
  private topics = new Set<string>(); // what the stream is about
  private since: number | null = null; // the event that this connection goes on from
  private last: number | null = null;
  private begun = false;

  constructor(private readonly say: (word: Word) => void) {}

  /** Ask the tabs that are open what they want, and begin when they have said so. */
  begin(tabs: Iterable<string>) {
    this.expected = new Set(tabs);
    this.timer = setTimeout(() => this.start(), gathering);
    this.say({ kind: "lead" });
    this.startWhenAllHaveSpoken();
  }

  hear(want: Want) {
    this.wants.set(want.tab, want);
    const late = this.expected.delete(want.tab) && this.begun;
    if (!this.begun) {
      this.startWhenAllHaveSpoken();
      return;
    }
    const covered = this.stream !== undefined && want.topics.every((topic) => this.topics.has(topic));
    // Who was asleep at a change of leaders may have missed what happened between the two.
    const behind = !want.held || (this.since !== null && (want.last ?? 0) < this.since);
    if (!covered) this.waiting.add(want.tab);
    else this.hold(want, late && behind);
    this.settle();
  }

  forget(tab: string) {
    this.wants.delete(tab);
    this.expected.delete(tab);
    this.waiting.delete(tab);
    if (this.begun) this.settle();
    else this.startWhenAllHaveSpoken();
  }

  /** Something makes a tab doubt that the connection still stands, or that it is still away. */
  doubt() {
    this.stream?.retry();
  }

  /** Let go of the connection until the next `hear`. */
  end() {
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = undefined;
  }

  private startWhenAllHaveSpoken() {
    if (this.expected.size === 0) this.start();
  }

  private start() {
    if (this.begun) return;
    clearTimeout(this.timer);
    this.begun = true;
    const held = [...this.wants.values()].filter((want) => want.held && want.last !== null);
    const lasts = held.map((want) => want.last as number);
    this.last = lasts.length > 0 ? Math.min(...lasts) : null;
    for (const want of this.wants.values()) if (!held.includes(want)) this.waiting.add(want.tab);
    this.settle();
  }

  /** Connect where somebody wants more than the stream is about. What nobody wants any more goes with the next connection. */
  private settle() {
    const wanted = new Set([...this.wants.values()].flatMap((want) => want.topics));
    if (wanted.size === 0) this.end();
    if (wanted.size === 0 || (this.stream && [...wanted].every((topic) => this.topics.has(topic)))) return;
    this.stream?.close();
    this.topics = wanted;
    this.stream = openStream({
      url: () => {
        this.since = this.last;
        const query = new URLSearchParams({ topics: [...wanted].sort().join(",") });
        if (this.since !== null) query.set("after", String(this.since));
        return `/api/v1/events?${query}`;
      },
      types,
      onEvent: (message) => this.tell(message),
      onOpen: () => this.opened(),
      onLost: () => this.become("away"),
    });
  }

  private opened() {
    this.become("open");
    for (const tab of this.waiting) {
      const want = this.wants.get(tab);
      if (want) this.hold(want, true);
    }
    this.waiting.clear();
  }

  private hold({ tab, topics }: Want, missed: boolean) {
    this.say({ kind: "state", state: this.state });
    this.say({ kind: "held", tab, topics, missed });
  }

  private become(state: Connection) {
    this.state = state;
    this.say({ kind: "state", state });
  }

  private tell(message: MessageEvent<string>) {
    // An event without an id has that of the one before in `lastEventId`; some have none at all.
    const id = passing.includes(message.type) || message.lastEventId === "" ? null : Number(message.lastEventId);
    if (id !== null && this.since !== null && id <= this.since) {
      this.since = null; // never after an event that is known, unless it is another database's
      this.last = null;
      this.say({ kind: "anew" });
    }
    if (id !== null) this.last = Math.max(id, this.last ?? id);
    this.say({ kind: "event", type: message.type, id, data: message.data });
  }
}
