/** An EventSource that stays: after every loss it comes back by itself, from where it was. */

export interface Stream {
  /** Connect anew now, rather than when patience is over; for who knows that something has changed. */
  retry(): void;
  close(): void;
}

export interface StreamHandlers {
  url: () => string; // asked anew for every connection, so that it can say from where
  types: readonly string[];
  onEvent: (message: MessageEvent<string>) => void;
  onOpen: () => void;
  onLost: () => void;
}

const patience = [500, 1000, 2000, 4000, 8000]; // milliseconds before the next attempt

export function openStream({ url, types, onEvent, onOpen, onLost }: StreamHandlers): Stream {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempts = 0;

  const connect = () => {
    disconnect();
    const mine = new EventSource(url());
    source = mine;
    mine.onopen = () => {
      attempts = 0;
      onOpen();
    };
    mine.onerror = () => {
      disconnect(); // else the browser would try again at the address of then
      timer = setTimeout(connect, patience[Math.min(attempts, patience.length - 1)]);
      attempts += 1;
      onLost();
    };
    for (const type of types) mine.addEventListener(type, (message) => onEvent(message as MessageEvent<string>));
  };
  const disconnect = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const retry = () => {
    if (source?.readyState !== EventSource.CONNECTING) connect();
  };

  addEventListener("online", retry);
  connect();
  return {
    retry,
    close() {
      removeEventListener("online", retry);
      disconnect();
    },
  };
}
