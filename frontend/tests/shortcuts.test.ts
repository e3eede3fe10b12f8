// @vitest-environment happy-dom

import { afterEach, expect, it } from "vitest";
import { keyOf } from "../src/lib/shortcuts";

afterEach(() => document.body.replaceChildren());

function pressed(key: string, html: string, more: KeyboardEventInit = {}): string | null {
  document.body.innerHTML = html;
  let told: string | null = null;
  const listen = (event: KeyboardEvent) => {
    told = keyOf(event);
  };
  document.addEventListener("keydown", listen);
  const target = document.body.querySelector("[data-here]") ?? document.body;
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
  document.removeEventListener("keydown", listen);
  return told;
}

it.each([
  ["D", "<p data-here></p>", "d"],
  ["?", "<button data-here></button>", "?"],
  ["d", "<input data-here>", null],
  ["d", "<textarea data-here></textarea>", null],
  ["d", '<input type="range" data-here>', "d"],
  ["ArrowLeft", '<input type="range" data-here>', null],
  ["ArrowLeft", "<button data-here></button>", "ArrowLeft"],
  [" ", "<button data-here></button>", null],
  ["Enter", "<a href='/' data-here></a>", null],
  [" ", "<p data-here></p>", " "],
])("understands %s on %s as %s", (key, html, told) => expect(pressed(key, html)).toBe(told));

it("leaves the browser's own shortcuts alone", () => {
  expect(pressed("d", "<p data-here></p>", { ctrlKey: true })).toBeNull();
  expect(pressed("l", "<p data-here></p>", { metaKey: true })).toBeNull();
});
