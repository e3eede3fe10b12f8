/** The tab's one event stream: topics are counted, events fan out to whoever asked for them. */

import { signal } from "@preact/signals";
import { concerns, type ServerEvent, type Topic } from "../api/events";
import { openStream, type Stream } from "../lib/stream";

/** Whether the server answers; "connecting" until the first answer. */
export const connection = signal<"connecting" | "open" | "away">("connecting");

/** Counts connections: what was read before the last one may have missed something and is read again. */
export const epoch = signal(0);

interface Subscription {
  topic: Topic;
  handler: (event: ServerEvent) => void;
}

const subscriptions = new Set<Subscription>();
let stream: Stream | undefined;
let streaming = "";
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

export function wantedTopics(): string {
  return [...new Set([...subscriptions].map((s) => s.topic))].sort().join(",");
}

/** Opens, changes or closes the stream once a page has said all it wants. */
function settle() {
  if (settling) return;
  settling = true;
  queueMicrotask(() => {
    settling = false;
    const wanted = wantedTopics();
    if (wanted === streaming) return;
    stream?.close();
    streaming = wanted;
    stream = wanted ? openStream({ url, onOpen, onLost, events }) : undefined;
  });
}

const url = () => `/api/v1/events?topics=${encodeURIComponent(streaming)}`;

function onOpen() {
  connection.value = "open";
  epoch.value += 1;
}

function onLost() {
  connection.value = "away";
}

export function dispatch(event: ServerEvent) {
  for (const { topic, handler } of [...subscriptions]) if (concerns(topic, event)) handler(event);
}

const read = (type: ServerEvent["type"]) => (message: MessageEvent<string>) => {
  const data = JSON.parse(message.data);
  dispatch({ type, job: type === "job" ? data.id : data.job, data } as ServerEvent);
};

const events = { job: read("job"), metrics: read("metrics"), preview: read("preview") };
