import { beforeEach, expect, it, vi } from "vitest";
import { Live } from "../src/lib/live";

/** The browser's side of a channel whose server is the test. */
class Socket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static last: Socket;
  readyState = 0;
  sent: { id: number; seed: number; psi?: number }[] = [];
  onopen?: () => void;
  onmessage?: (event: { data: ArrayBuffer | string }) => void;
  constructor() {
    Socket.last = this;
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  answer(id: number) {
    const head = new TextEncoder().encode(JSON.stringify({ id, seed: 1, type: "image/png" }));
    const data = new Uint8Array(4 + head.length + 3);
    new DataView(data.buffer).setUint32(0, head.length);
    data.set(head, 4);
    data.set([1, 2, 3], 4 + head.length);
    this.onmessage?.({ data: data.buffer });
  }
}

const onPicture = vi.fn();
const onProblem = vi.fn();
let live: Live;

beforeEach(() => {
  vi.stubGlobal("WebSocket", Socket);
  onPicture.mockReset();
  onProblem.mockReset();
  live = new Live("ws://here", { onPicture, onProblem });
});

const wish = (seed: number, truncation_psi: number) => ({ seed, truncation_psi });

it("draws one after the other, and unpacks the pictures", async () => {
  live.want([wish(1, 1), wish(2, 1)]);
  const socket = Socket.last;
  socket.open();
  expect(socket.sent.map(({ seed }) => seed)).toEqual([1]); // the next when this one is there
  socket.answer(1);
  expect(socket.sent.map(({ seed }) => seed)).toEqual([1, 2]);
  socket.answer(2);
  expect(onPicture.mock.calls.map(([place]) => place)).toEqual([0, 1]);
  const picture: Blob = onPicture.mock.calls[0]?.[1];
  expect([picture.type, picture.size]).toEqual(["image/png", 3]);
});

it("draws every place by the newest wishes, and none of them waits for ever", () => {
  live.want([wish(1, 1), wish(2, 1), wish(3, 1)]);
  const socket = Socket.last;
  socket.open();
  live.want([wish(1, 0.5), wish(2, 0.5), wish(3, 0.5)]);
  expect(socket.sent).toHaveLength(1); // never more than one to answer
  for (let id = 1; id <= 4; id += 1) socket.answer(id);
  expect(socket.sent.map((sent) => [sent.seed, (sent as { truncation_psi?: number }).truncation_psi])).toEqual([
    [1, 1],
    [2, 0.5],
    [3, 0.5],
    [1, 0.5],
  ]);
});

it("shows nothing of what was dropped", () => {
  live.want([wish(1, 1)]);
  const socket = Socket.last;
  socket.open();
  live.drop();
  socket.answer(1);
  expect(onPicture).not.toHaveBeenCalled();
  live.want([wish(4, 1)]);
  expect(socket.sent.at(-1)?.seed).toBe(4);
});

it("tells what is wrong once, and asks for no more of it", () => {
  live.want([wish(1, 9), wish(2, 9)]);
  const socket = Socket.last;
  socket.open();
  socket.onmessage?.({
    data: JSON.stringify({ id: 1, status: 422, title: "Not possible", detail: "psi is too large" }),
  });
  expect(onProblem.mock.calls[0]?.[0].detail).toBe("psi is too large");
  expect(socket.sent).toHaveLength(1);
});

it("is opened before it is closed", () => {
  live.want([wish(1, 1)]);
  live.close();
  const socket = Socket.last;
  expect(socket.readyState).toBe(0);
  socket.open();
  expect(socket.readyState).toBe(3);
  expect(socket.sent).toEqual([]);
});
