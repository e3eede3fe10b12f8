// @vitest-environment happy-dom

import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { Version } from "../src/api/types";
import type { Field } from "../src/lib/schema";
import { Exports } from "../src/pages/inference-exports";

afterEach(cleanup);

const asked: string[] = [];

/** The page's part that offers films, beside a server that answers by what it has. */
async function offered(here: boolean) {
  asked.length = 0;
  const part = { name: "video", title: "atelier[video]", here, command: 'pip install "atelier[video]"' };
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push(`${request.method} ${new URL(request.url).pathname}`);
    return Response.json({ items: [part] });
  });
  const format = { name: "format", choices: ["gif", "mp4"] } as unknown as Field;
  render(
    <Exports
      key={String(here)}
      body={{ waypoints: [] }}
      fields={[format]}
      version={{ model: "cats", version: 1 } as Version}
    />,
  );
  await vi.waitFor(() => expect(asked).toEqual(["GET /api/v1/parts"]));
  return screen.findByRole("button", { name: "MP4" });
}

it("offers what the server can't make with the reason, and with the command that mends it", async () => {
  const button = await offered(false);
  await vi.waitFor(() => expect(button.getAttribute("aria-disabled")).toBe("true"));
  const reason = document.getElementById(button.getAttribute("aria-describedby") ?? "");
  expect(reason?.textContent).toContain('pip install "atelier[video]"');
  fireEvent.click(button);
  expect(asked).toHaveLength(1);
  expect(screen.getByRole("button", { name: "GIF" }).getAttribute("aria-disabled")).toBe(null);
});

it("offers what the server can make", async () => {
  const button = await offered(true);
  await vi.waitFor(() => expect(button.getAttribute("aria-disabled")).toBe(null));
  fireEvent.click(button);
  await vi.waitFor(() => expect(asked[1]).toBe("POST /api/v1/models/cats/versions/1/interpolations"));
});
