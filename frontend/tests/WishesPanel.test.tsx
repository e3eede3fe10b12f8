// @vitest-environment happy-dom

import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { useState } from "preact/hooks";
import { afterEach, expect, it } from "vitest";
import type { Changes, Query } from "../src/lib/url";
import type { Abilities } from "../src/lib/wishes";
import { canBeAsked, WishesPanel } from "../src/pages/inference-wishes";

const nothing: Abilities = { class_names: [], attribute_names: [], options: [] };
const digits = { ...nothing, class_names: ["zero", "one", "two"] };
const dogs = { ...nothing, class_names: Array.from({ length: 120 }, (_, index) => `breed ${index}`) };

let query: Query;

function Panel({ can, from = {} }: { can: Abilities; from?: Query }) {
  const [state, setState] = useState<Query>(from);
  query = state;
  const change = (changes: Changes) =>
    setState((old) =>
      Object.fromEntries(
        Object.entries({ ...old, ...changes }).filter((e): e is [string, string] => e[1] !== undefined),
      ),
    );
  return <WishesPanel can={can} query={state} change={change} />;
}

afterEach(cleanup);

const names = (role: string) => screen.queryAllByRole(role).map((element) => element.closest("label")?.textContent);

it("shows what a version can do and nothing else", () => {
  expect(canBeAsked(nothing)).toBe(false);
  render(<Panel can={digits} />);
  expect(names("radio")).toEqual(["Any", "None", "zero", "one", "two"]);
  expect(screen.queryAllByRole("slider")).toEqual([]);
  cleanup();
  render(<Panel can={{ ...nothing, attribute_names: ["smiling", "young"] }} />);
  expect(screen.queryAllByRole("radio")).toEqual([]);
  expect(screen.queryAllByRole("slider")).toHaveLength(2);
  cleanup();
  render(<Panel can={{ ...nothing, options: ["noise_mode"] }} />);
  expect(screen.queryAllByRole("slider")).toEqual([]);
  expect(screen.getByLabelText("Noise")).toBeTruthy();
});

it("mixes two classes, keeps the mixture when another one comes first, and lets go of it", () => {
  render(<Panel can={digits} />);
  expect(screen.queryByLabelText("Mix with")).toBeNull();
  fireEvent.click(screen.getByLabelText("one"));
  expect(query).toEqual({ class: "one" });
  fireEvent.change(screen.getByLabelText("Mix with"), { target: { value: "two" } });
  fireEvent.input(screen.getByLabelText("Share of two"), { target: { value: "0.3" } });
  expect(query).toEqual({ class: "one", mix: "two", share: "0.3" });
  fireEvent.click(screen.getByLabelText("zero"));
  expect(query).toEqual({ class: "zero", mix: "two", share: "0.3" });
  fireEvent.click(screen.getByLabelText("two"));
  expect(query).toEqual({ class: "two" });
  fireEvent.click(screen.getByLabelText("None"));
  expect(query).toEqual({ class: "" });
  expect(screen.queryByLabelText("Mix with")).toBeNull();
  fireEvent.click(screen.getByLabelText("Any"));
  expect(query).toEqual({});
});

it("finds one of many classes and keeps the chosen one in sight", () => {
  render(<Panel can={dogs} from={{ class: "breed 7" }} />);
  fireEvent.input(screen.getByLabelText("Find in 120 classes"), { target: { value: "breed 11" } });
  expect(names("radio")).toEqual([
    "Any",
    "None",
    "breed 7",
    "breed 11",
    ...[...Array(10).keys()].map((n) => `breed 11${n}`),
  ]);
});

it("sends only the attributes that were touched, and sets one or all back", () => {
  render(<Panel can={{ ...nothing, attribute_names: ["smiling", "young", "hat"] }} />);
  const slider = (name: string) => screen.getByLabelText<HTMLInputElement>(name);
  expect(slider("Smiling").getAttribute("aria-valuetext")).toBe("as in the data");
  fireEvent.input(slider("Smiling"), { target: { value: "1.5" } });
  fireEvent.input(slider("Hat"), { target: { value: "-1" } });
  expect(query).toEqual({ "attribute.smiling": "1.5", "attribute.hat": "-1" });
  fireEvent.click(screen.getByLabelText("Set Smiling back"));
  expect(query).toEqual({ "attribute.hat": "-1" });
  expect(slider("Smiling").value).toBe("0");
  fireEvent.input(slider("Young"), { target: { value: "2" } });
  fireEvent.click(screen.getByText("Set all 2 back"));
  expect(query).toEqual({});
});

it("offers truncated layers once there is a truncation", () => {
  render(<Panel can={{ ...nothing, options: ["truncation_psi", "truncation_cutoff"] }} />);
  expect(screen.queryByLabelText("Truncated layers")).toBeNull();
  fireEvent.input(screen.getByLabelText("Truncation"), { target: { value: "0.7" } });
  fireEvent.change(screen.getByLabelText("Truncated layers"), { target: { value: "4" } });
  expect(query).toEqual({ truncation_psi: "0.7", truncation_cutoff: "4" });
});
