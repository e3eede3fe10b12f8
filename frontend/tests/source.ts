/** The browser's EventSource, driven by hand. */

export class Source extends EventTarget {
  static readonly CONNECTING = 0;
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

  lose() {
    this.readyState = Source.CLOSED;
    this.onerror?.();
  }

  say(type: string, data: unknown, lastEventId = "") {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data), lastEventId }));
  }

  close() {
    this.readyState = Source.CLOSED;
  }

  get query(): Record<string, string> {
    return Object.fromEntries(new URL(this.url, "http://here").searchParams);
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
