/** One event stream for all tabs of a browser, which allows six connections an origin: a tab that leads holds it and tells the others.
 *
 * Who leads has the lock; when it closes or dies, the next one gets the lock, hears from all tabs what they want and up to where they
 * were told, and goes on from there. Each tab has a lock of its own besides, by which the leader learns that it is gone. Where a browser
 * has no locks (pages that did not come by https or from this machine), each tab leads itself, and lets go of its connection while it
 * is hidden.
 */

import { type Connection, Leader, type Want, type Word } from "./leader";

export interface TabHandlers {
  onEvent: (type: string, data: string) => void;
  onState: (state: Connection) => void;
  onMissed: () => void; // something may have happened that is never told: what is shown has to be read again
}

export interface Tab {
  want(topics: string[]): void;
  /** The connection may not be what it seems. */
  doubt(): void;
  leave(): void;
}

type Message = Word | Want | { kind: "doubt" } | { kind: "ping" };

const lead = "atelier.events";
const ofTab = (id: string) => `atelier.tab.${id}`;
const patience = 1000; // milliseconds in which a leader that lives answers

export function joinTabs(handlers: TabHandlers): Tab {
  const me = crypto.getRandomValues(new Uint32Array(2)).join("-"); // randomUUID is for secure pages alone
  const locks = "locks" in navigator && typeof BroadcastChannel === "function" ? navigator.locks : undefined;
  const channel = locks && new BroadcastChannel(lead);
  let leader: Leader | undefined;
  let topics: string[] = [];
  let held: string[] = [];
  let last: number | null = null;
  let left = false;
  const release: (() => void)[] = []; // of the locks that this tab has
  let queue = new AbortController(); // of the lock that it waits for
  let silence: ReturnType<typeof setTimeout> | undefined;

  const wish = (): Want => ({
    kind: "want",
    tab: me,
    topics,
    last,
    held: last !== null && topics.every((topic) => held.includes(topic)),
  });

  const toLeader = (message: Want | { kind: "doubt" }) => {
    if (!leader) channel?.postMessage(message);
    else if (message.kind === "want") leader.hear(message);
    else leader.doubt();
  };

  const hear = (message: Message) => {
    switch (message.kind) {
      case "event":
        if (message.id !== null) {
          if (last !== null && message.id <= last) return; // told by the leader before, or by the other at a change
          last = message.id;
        }
        handlers.onEvent(message.type, message.data);
        break;
      case "state":
        handlers.onState(message.state);
        break;
      case "held":
        if (message.tab !== me) break;
        held = message.topics;
        if (message.missed) handlers.onMissed();
        break;
      case "anew":
        last = null;
        handlers.onMissed();
        break;
      case "lead":
        toLeader(wish());
        break;
      case "here":
        clearTimeout(silence);
        break;
      case "want":
        if (!leader) break;
        watch(message.tab);
        leader.hear(message);
        break;
      case "doubt":
        leader?.doubt();
        break;
      case "ping":
        if (leader) channel?.postMessage({ kind: "here" });
    }
  };

  const watched = new Map<string, AbortController>();
  const watch = (tab: string) => {
    if (watched.has(tab)) return;
    const abort = new AbortController();
    watched.set(tab, abort);
    const gone = () => {
      watched.delete(tab);
      leader?.forget(tab);
    };
    locks?.request(ofTab(tab), { signal: abort.signal }, gone).catch(() => {});
  };

  /** Lead until another tab takes over by force, or this one leaves. */
  const stand = (force: boolean) => {
    if (!locks || left) return;
    queue.abort();
    const mine = new AbortController();
    queue = mine;
    let lost = false;
    const begin = async () => {
      const { held: open = [] } = await locks.query();
      if (left || lost) return;
      leader = new Leader((word) => {
        channel?.postMessage(word);
        hear(word);
      });
      const prefix = ofTab("");
      leader.begin(open.flatMap(({ name = "" }) => (name.startsWith(prefix) ? name.slice(prefix.length) : [])));
      await new Promise<void>((resolve) => release.push(resolve));
    };
    locks.request(lead, force ? { steal: true } : { signal: mine.signal }, begin).catch((reason: unknown) => {
      if (mine.signal.aborted) return; // it waits no more
      lost = true;
      stepDown();
      if (!(reason instanceof DOMException && reason.name === "AbortError")) throw reason;
      stand(false); // another took over from this tab, which seemed dead
    });
  };

  const stepDown = () => {
    leader?.end();
    leader = undefined;
    for (const abort of watched.values()) abort.abort();
    watched.clear();
  };

  const onVisibility = () => {
    if (!locks) {
      if (document.hidden) leader?.end();
      else leader?.hear(wish());
    } else if (!document.hidden && !leader) {
      // A leader in a tab that the system has put to sleep keeps its lock.
      channel?.postMessage({ kind: "ping" });
      clearTimeout(silence);
      silence = setTimeout(() => stand(true), patience);
    }
  };

  document.addEventListener("visibilitychange", onVisibility);
  if (channel && locks) {
    channel.onmessage = ({ data }: MessageEvent<Message>) => hear(data);
    locks.request(ofTab(me), () => {
      if (left) return;
      if (topics.length > 0) toLeader(wish()); // only now, for by this lock the leader sees that this tab lives
      stand(false);
      return new Promise<void>((resolve) => release.push(resolve));
    });
  } else {
    leader = new Leader(hear);
    leader.begin([]);
  }

  return {
    want(wanted) {
      topics = wanted;
      toLeader(wish());
    },
    doubt() {
      toLeader({ kind: "doubt" });
    },
    leave() {
      left = true;
      document.removeEventListener("visibilitychange", onVisibility);
      clearTimeout(silence);
      queue.abort();
      stepDown();
      channel?.close();
      for (const free of release) free();
    },
  };
}
