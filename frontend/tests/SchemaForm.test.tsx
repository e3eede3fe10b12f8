// @vitest-environment happy-dom

import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { useState } from "preact/hooks";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SchemaForm } from "../src/components/SchemaForm";
import { baseline, type Drafts, fieldsOf } from "../src/lib/schema";

const fields = fieldsOf({
  properties: {
    steps: { type: "integer", minimum: 1, default: 5000, description: "Training steps." },
    flip: { type: "boolean", default: true },
    epochs: { anyOf: [{ type: "number", exclusiveMinimum: 0 }, { type: "null" }], default: null },
    categories: { type: "array", items: { enum: ["x", "y"], type: "string" }, default: ["x"] },
  },
});

let drafts: Drafts;

function Form({ errors = {} }: { errors?: Record<string, string> }) {
  const [state, setState] = useState<Drafts>({});
  drafts = state;
  const base = baseline(fields, { steps: 100 });
  return <SchemaForm fields={fields} base={base} origin="quick" drafts={state} errors={errors} onChange={setState} />;
}

beforeEach(() => {
  drafts = {};
});
afterEach(cleanup);

const steps = () => screen.getByLabelText<HTMLInputElement>("Steps");

it("shows the preset's value, marks a change and sets it back", () => {
  render(<Form />);
  expect(steps().value).toBe("100");
  expect(screen.queryByTitle("Set it back")).toBeNull();

  fireEvent.input(steps(), { target: { value: "200" } });
  expect(drafts).toEqual({ steps: "200" });
  expect(screen.getByTitle("Set it back").textContent).toContain("quick: 100");

  fireEvent.click(screen.getByTitle("Set it back"));
  expect(drafts).toEqual({});
  expect(steps().value).toBe("100");
});

it("says what is wrong while the user writes", () => {
  render(<Form />);
  fireEvent.input(steps(), { target: { value: "0" } });
  expect(screen.getByText("At least 1.")).toBeTruthy();
  expect(steps().getAttribute("aria-invalid")).toBe("true");
});

it("shows the server's message at its field", () => {
  render(<Form errors={{ steps: "Too many for this machine." }} />);
  expect(screen.getByText("Too many for this machine.")).toBeTruthy();
  expect(steps().getAttribute("aria-invalid")).toBe("true");
});

it("turns switches and chips", () => {
  render(<Form />);
  fireEvent.click(screen.getByLabelText("Flip"));
  fireEvent.click(screen.getByLabelText("y"));
  expect(drafts).toEqual({ flip: "false", categories: "x,y" });
});

it("leaves an optional field empty, and says what that means", () => {
  render(<Form />);
  const epochs = screen.getByLabelText<HTMLInputElement>("Epochs");
  expect([epochs.value, epochs.placeholder]).toEqual(["", "not used"]);
  expect(screen.getByText("more than 0; empty: not used")).toBeTruthy();

  fireEvent.input(epochs, { target: { value: "3" } });
  expect(drafts).toEqual({ epochs: "3" });
  expect(screen.getByTitle("Set it back").textContent).toContain("quick: not used");

  fireEvent.input(epochs, { target: { value: "" } });
  expect(drafts).toEqual({});
});
