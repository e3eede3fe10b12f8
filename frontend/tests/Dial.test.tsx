// @vitest-environment happy-dom

import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { useState } from "preact/hooks";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { api } from "../src/api/client";
import type { Version } from "../src/api/types";
import type { Changes, Query } from "../src/lib/url";
import { canBeTurned, Dial } from "../src/pages/inference-dial";
import { jobs, remember } from "../src/stores/jobs";
import { job } from "./jobs";

const version = (different: Partial<Version> = {}): Version =>
  ({
    model: "first",
    version: 3,
    dataset: "shapes",
    dials: null,
    manifest: { dataset: { class_names: ["star"], attribute_names: ["red"] } },
    ...different,
  }) as unknown as Version;

const dial = (name: string, accuracy: number | null = 0.9) =>
  ({ name, kind: "attribute", measured: false, accuracy }) as const;

let query: Query;
const onFound = vi.fn();

function Page({ of, from = {} }: { of: Version; from?: Query }) {
  const [state, setState] = useState<Query>(from);
  query = state;
  const change = (changes: Changes) =>
    setState((old) =>
      Object.fromEntries(
        Object.entries({ ...old, ...changes }).filter((e): e is [string, string] => e[1] !== undefined),
      ),
    );
  return <Dial version={of} query={state} change={change} onFound={onFound} />;
}

beforeEach(() => {
  jobs.value = new Map();
  onFound.mockReset();
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const labels = () =>
  screen
    .queryAllByRole("slider")
    .map((slider) => screen.getByText((_, e) => e?.getAttribute("for") === slider.id).textContent);

it("is offered where the data set has something to see", () => {
  expect(canBeTurned(undefined)).toBe(false);
  expect(canBeTurned(version())).toBe(true);
  const bare = { dataset: { class_names: [], attribute_names: [] } } as unknown as Version["manifest"];
  expect(canBeTurned(version({ manifest: bare }))).toBe(false);
});

it("has a slider for each that is seen well, and says that others are not", () => {
  render(<Page of={version({ dials: [dial("red"), dial("star", 0.55), dial("size", null), dial("heart", 0.5)] })} />);
  expect(labels()).toEqual(["Red", "Size"]);
  expect(screen.getByText("2 more are seen too poorly to be turned.")).toBeTruthy();
});

it("writes what is turned into the address, and lets go of it", () => {
  render(<Page of={version({ dials: [dial("red"), dial("star")] })} from={{ seed: "1", "dial.star": "0.2" }} />);
  fireEvent.input(screen.getByLabelText("Red"), { target: { value: "0.9" } });
  expect(query).toEqual({ seed: "1", "dial.star": "0.2", "dial.red": "0.9" });
  expect(screen.getByRole("button", { name: "Set Red back" }).textContent).toContain("90");
  fireEvent.click(screen.getByText("Set all 2 back"));
  expect(query).toEqual({ seed: "1" });
});

it("starts a discovery, shows how far it is, and looks again when it is done", async () => {
  const discover = vi.spyOn(api, "discover").mockResolvedValue(job({ id: 7, kind: "discover", dataset: "shapes" }));
  const { rerender } = render(<Page of={version()} />);
  fireEvent.click(screen.getByRole("button", { name: "Find directions" }));
  expect(await screen.findByRole("progressbar")).toBeTruthy();
  expect(discover).toHaveBeenCalledWith("first", 3);
  expect(screen.getByRole("button", { name: "Cancel" })).toBeTruthy();
  expect(onFound).not.toHaveBeenCalled();
  remember([job({ id: 7, kind: "discover", dataset: "shapes", status: "succeeded" })]);
  rerender(<Page of={version()} />);
  await vi.waitFor(() => expect(onFound).toHaveBeenCalled());
});

it("says why a discovery went wrong, and offers another", () => {
  remember([
    job({ id: 7, kind: "discover", dataset: "shapes", status: "failed", error: "The data set shapes is gone" }),
  ]);
  render(<Page of={version()} />);
  expect(screen.getByText("The data set shapes is gone")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Find directions" })).toBeTruthy();
});
