/** An EventSource that stays: it comes back after every loss, and lets go of its connection while the tab is hidden. */

export interface Stream {
  close(): void;
}

export interface StreamHandlers {
  url: () => string; // asked anew for every connection
  events: Record<string, (message: MessageEvent<string>) => void>;
  onOpen?: () => void;
  onLost?: () => void;
}

const patience = [500, 1000, 2000, 4000, 8000]; // milliseconds before the next attempt

/** Browsers allow six connections an origin, so a hidden tab must not keep one. */
export function openStream({ url, events, onOpen, onLost }: StreamHandlers): Stream {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempts = 0;

  const connect = () => {
    disconnect();
    if (document.hidden) return;
    const mine = new EventSource(url());
    source = mine;
    mine.onopen = () => {
      attempts = 0;
      onOpen?.();
    };
    mine.onerror = () => {
      onLost?.();
      if (mine.readyState !== EventSource.CLOSED) return; // the browser tries again by itself, with Last-Event-ID
      clearTimeout(timer);
      timer = setTimeout(connect, patience[Math.min(attempts, patience.length - 1)]);
      attempts += 1;
    };
    for (const [name, handler] of Object.entries(events))
      mine.addEventListener(name, (message) => handler(message as MessageEvent<string>));
  };
  const disconnect = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const onVisibility = () => (document.hidden ? disconnect() : connect());

  document.addEventListener("visibilitychange", onVisibility);
  connect();
  return {
    close() {
      document.removeEventListener("visibilitychange", onVisibility);
      disconnect();
    },
  };
}
