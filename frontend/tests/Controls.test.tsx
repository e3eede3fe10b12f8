// @vitest-environment happy-dom

import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { useState } from "preact/hooks";
import { afterEach, expect, it } from "vitest";
import type { Can } from "../src/lib/abilities";
import type { Changes, Query } from "../src/lib/url";
import { Controls } from "../src/pages/inference-controls";
import { columnsOf } from "../src/pages/inference-wall";
import { able } from "./abilities";

let query: Query;

function Panel({ can, from = {} }: { can: Can; from?: Query }) {
  const [state, setState] = useState<Query>(from);
  query = state;
  const change = (changes: Changes) =>
    setState((old) =>
      Object.fromEntries(
        Object.entries({ ...old, ...changes }).filter((e): e is [string, string] => e[1] !== undefined),
      ),
    );
  return <Controls can={can} query={state} change={change} />;
}

afterEach(cleanup);

const names = (role: string) => screen.queryAllByRole(role).map((element) => element.closest("label")?.textContent);

it("shows what a version can do and nothing else", () => {
  render(<Panel can={able(["class_weights"])} />);
  expect(names("radio").sort()).toEqual(["1", "3", "Any", "None", "People & Body"]);
  expect(screen.queryAllByRole("slider")).toEqual([]);
  cleanup();
  render(<Panel can={able(["attributes"])} />);
  expect(screen.queryAllByRole("radio")).toEqual([]);
  expect(screen.queryAllByRole("slider")).toHaveLength(2);
  cleanup();
  render(<Panel can={able(["latent"])} />);
  expect(screen.getByText(/draws from seeds alone/)).toBeTruthy();
});

it("has a control for an option that nobody here has heard of", () => {
  const glow = { type: "number", minimum: 0, maximum: 5, description: "How much it glows." };
  render(<Panel can={able([], { glow, grain: { enum: ["film", "none"] } })} />);
  fireEvent.input(screen.getByLabelText("Glow"), { target: { value: "2.5" } });
  fireEvent.change(screen.getByLabelText("Grain"), { target: { value: "film" } });
  expect(query).toEqual({ "option.glow": "2.5", "option.grain": "film" });
  expect(screen.getByText("How much it glows.")).toBeTruthy();
});

it("draws one class by a click, and several with their shares", () => {
  render(<Panel can={able(["class_weights"])} />);
  fireEvent.click(screen.getByLabelText("3"));
  fireEvent.click(screen.getByLabelText("1"));
  expect(query).toEqual({ "class.1": "1" });
  fireEvent.click(screen.getByLabelText("Mix"));
  fireEvent.click(screen.getByLabelText("3"));
  expect(query).toEqual({ "class.1": "0.5", "class.3": "0.5" });
  fireEvent.input(screen.getByLabelText("Share of 3"), { target: { value: "0.2" } });
  expect(query).toEqual({ "class.1": "0.8", "class.3": "0.2" });
  fireEvent.click(screen.getByLabelText("Mix"));
  expect(Object.keys(query)).toHaveLength(1);
  fireEvent.click(screen.getByLabelText("None"));
  expect(query).toEqual({ class: "none" });
  fireEvent.click(screen.getByLabelText("Any"));
  expect(query).toEqual({});
});

it("sends only what was touched, and sets one or all back", () => {
  render(<Panel can={able(["attributes", "truncation_psi"])} from={{ seed: "1" }} />);
  const smiling = screen.getByLabelText("Smiling");
  expect(smiling.getAttribute("aria-valuetext")).toBe("as in the data");
  fireEvent.input(smiling, { target: { value: "1.5" } });
  fireEvent.input(screen.getByLabelText("Truncation"), { target: { value: "0.5" } });
  expect(query).toEqual({ seed: "1", "attribute.smiling": "1.5", "option.truncation_psi": "0.5" });
  fireEvent.click(screen.getByLabelText("1.5: set Smiling back"));
  expect(query).toEqual({ seed: "1", "option.truncation_psi": "0.5" });
  fireEvent.click(screen.getByText(/Set everything back/));
  expect(query).toEqual({ seed: "1" });
});

it("offers truncated layers once there is a truncation", () => {
  render(<Panel can={able(["truncation_psi", "truncation_cutoff"])} />);
  expect(screen.queryByLabelText("Truncated layers")).toBeNull();
  fireEvent.input(screen.getByLabelText("Truncation"), { target: { value: "0.7" } });
  expect(screen.getByLabelText("Truncated layers")).toBeTruthy();
});

it.each([
  [1, 1],
  [4, 2],
  [5, 3],
  [8, 4],
  [12, 4],
  [16, 4],
  [64, 8],
])("hangs %i pictures in %i columns", (count, columns) => expect(columnsOf(count)).toBe(columns));
