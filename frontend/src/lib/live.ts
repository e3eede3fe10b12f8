/** The live channel: what is wished for while a slider moves, and the pictures that come back; see docs/inference.md. */

import { Problem, problemFrom } from "../api/problem";
import { t } from "../strings";
import type { Wishes } from "./wishes";

export type LiveWish = Wishes & { seed?: number | null | undefined };

interface LiveHandlers {
  onPicture: (place: number, picture: Blob) => void;
  onProblem: (problem: Problem) => void;
}

/**
 * Draws several images, one after the other, each by the newest of what was wished for: a list that comes while images are drawn takes the
 * place of the one before. So the channel never has more than one wish to answer, however fast somebody drags.
 */
export class Live {
  private socket: WebSocket | undefined;
  private wishes: LiveWish[] = [];
  private due: number[] = []; // places that still lack the newest
  private drawn: number | null = null; // the place that is being drawn
  private id = 0;

  constructor(
    private readonly url: string,
    private readonly handlers: LiveHandlers,
  ) {}

  want(wishes: LiveWish[]) {
    const next = this.drawn === null ? 0 : this.drawn + 1;
    this.wishes = wishes;
    // Goes on after the place that is being drawn, so that none waits for ever while somebody drags.
    this.due = wishes.map((_, index) => (index + next) % wishes.length);
    this.open();
    this.send();
  }

  /** What was wished for is not wanted any more. */
  drop() {
    this.due = [];
    this.id += 1; // what is on its way belongs to the past
    this.drawn = null;
  }

  close() {
    this.drop();
    const socket = this.socket;
    this.socket = undefined;
    // To close a channel that is still being opened counts as a failure of it, and stands in the console.
    if (socket?.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket?.close();
  }

  private open() {
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.send();
    socket.onmessage = ({ data }) => this.answer(data);
    socket.onclose = () => {
      this.drawn = null;
    };
    socket.onerror = () => this.handlers.onProblem(new Problem(0, t.pieces.liveBroke));
    this.socket = socket;
    this.drawn = null;
  }

  private send() {
    if (this.socket?.readyState !== WebSocket.OPEN || this.drawn !== null) return;
    const place = this.due.shift();
    if (place === undefined) return;
    this.drawn = place;
    this.id += 1;
    this.socket.send(JSON.stringify({ ...this.wishes[place], id: this.id }));
  }

  private answer(data: ArrayBuffer | string) {
    const { id, picture, problem } = typeof data === "string" ? complaint(data) : unpacked(data);
    if (id !== this.id && id !== null) return;
    const place = this.drawn;
    this.drawn = null;
    if (problem) {
      this.due = []; // it would say the same of the others
      this.handlers.onProblem(problem);
    } else if (picture && place !== null) this.handlers.onPicture(place, picture);
    this.send();
  }
}

interface Answer {
  id: number | null;
  picture?: Blob;
  problem?: Problem;
}

function complaint(text: string): Answer {
  const told = JSON.parse(text) as { id: number | null; status?: number };
  return { id: told.id, problem: problemFrom(told.status ?? 0, told) };
}

/** Four bytes with the length of a head (big-endian), the head as JSON, and the picture's file. */
export function unpacked(data: ArrayBuffer): Answer {
  const length = new DataView(data).getUint32(0);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length))) as { id: number; type: string };
  return { id: head.id, picture: new Blob([new Uint8Array(data, 4 + length)], { type: head.type }) };
}

export function liveUrl(model: string, version: number): string {
  const origin = location.origin.replace(/^http/, "ws");
  return `${origin}/api/v1/models/${encodeURIComponent(model)}/versions/${version}/live`;
}
