/** What the server tells: topics are counted, events fan out to whoever asked for them. All tabs share one stream of them. */

import { signal } from "@preact/signals";
import { concerns, eventOf, type ServerEvent, type Topic } from "../api/events";
import type { Connection } from "../lib/leader";
import { joinTabs, type Tab } from "../lib/tabs";

/** Whether the server answers; "connecting" until the first answer. */
export const connection = signal<Connection>("connecting");

/** Counts the times after which what was read before may be old, and is read again. */
export const epoch = signal(0);

interface Subscription {
  topic: Topic;
  handler: (event: ServerEvent) => void;
}

const subscriptions = new Set<Subscription>();
let tab: Tab | undefined;
let told = "";
let settling = false;

export function subscribe(topic: Topic, handler: (event: ServerEvent) => void): () => void {
  const subscription = { topic, handler };
  subscriptions.add(subscription);
  settle();
  return () => {
    subscriptions.delete(subscription);
    settle();
  };
}

/** A request was answered, or nobody was there to answer it. */
export function noticed(answered: boolean) {
  if (answered === (connection.value !== "away")) return;
  if (!answered) connection.value = "away";
  tab?.doubt();
}

/** Says what this tab wants once a page has said all that it wants. */
function settle() {
  if (settling) return;
  settling = true;
  queueMicrotask(() => {
    settling = false;
    const topics = [...new Set([...subscriptions].map(({ topic }) => topic))].sort();
    if (topics.join() === told) return;
    told = topics.join();
    if (!tab) addEventListener("offline", () => noticed(false)); // a server on this machine answers all the same, and at once
    tab ??= joinTabs({ onEvent, onState, onMissed: readAgain });
    tab.want(topics);
  });
}

function onState(state: Connection) {
  const back = connection.value === "away" && state === "open";
  connection.value = state;
  if (back) readAgain(); // not all that the pages show comes by events
}

function readAgain() {
  epoch.value += 1;
}

function onEvent(type: string, data: string) {
  const event = eventOf(type, JSON.parse(data));
  for (const { topic, handler } of [...subscriptions]) if (concerns(topic, event)) handler(event);
}
