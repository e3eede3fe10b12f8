// @vitest-environment happy-dom

import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { BeforeAfter } from "../src/components/BeforeAfter";
import { PictureDrop } from "../src/components/PictureDrop";
import { SchemaSliders } from "../src/components/SchemaSliders";
import { fieldsOf } from "../src/lib/schema";
import type { Delivery } from "../src/lib/sending";

afterEach(cleanup);

const delivery = (different: Partial<Delivery> = {}): Delivery => ({
  name: null,
  share: 0,
  error: "",
  take: vi.fn(),
  stop: vi.fn(),
  ...different,
});

const files = (...names: string[]) => names.map((name) => new File(["x"], name, { type: "image/png" }));

it("takes one picture, unless several are wanted", () => {
  const one = delivery();
  const several = delivery();
  render(
    <>
      <PictureDrop label="Content" invitation="Drop one" delivery={one} error={undefined} />
      <PictureDrop label="Styles" invitation="Drop some" delivery={several} several error={undefined} />
    </>,
  );
  const pasted = files("a.png", "b.png");
  fireEvent.paste(screen.getByLabelText("Content"), { clipboardData: { files: pasted } });
  fireEvent.paste(screen.getByLabelText("Styles"), { clipboardData: { files: pasted } });
  expect(one.take).toHaveBeenCalledWith(pasted.slice(0, 1));
  expect(several.take).toHaveBeenCalledWith(pasted);
});

it("takes what is pasted into it, and leaves pasted text alone", () => {
  const one = delivery();
  render(<PictureDrop label="Content" invitation="Drop one" delivery={one} error={undefined} />);
  fireEvent.paste(screen.getByLabelText("Content"), { clipboardData: { files: [] } });
  expect(one.take).not.toHaveBeenCalled();
  const pasted = files("image.png");
  fireEvent.paste(screen.getByLabelText("Content"), { clipboardData: { files: pasted } });
  expect(one.take).toHaveBeenCalledWith(pasted);
});

it("says what is on its way, what was wrong, and when a picture is gone", () => {
  const sending = delivery({ name: "a.png", share: 0.25 });
  const { rerender } = render(<PictureDrop label="Content" invitation="" delivery={sending} error={undefined} />);
  expect(screen.getByRole<HTMLProgressElement>("progressbar", { name: "Sending a.png" }).value).toBe(0.25);
  fireEvent.click(screen.getByRole("button", { name: "Stop" }));
  expect(sending.stop).toHaveBeenCalled();

  const refused = delivery({ error: "a.png: not a picture, but text" });
  rerender(<PictureDrop label="Content" invitation="" delivery={refused} error={undefined} />);
  expect(screen.getByLabelText("Content").getAttribute("aria-invalid")).toBe("true");
  expect(screen.getByText("a.png: not a picture, but text")).toBeTruthy();

  const { container } = render(<PictureDrop label="X" invitation="" delivery={delivery()} picture="/p" error="" />);
  const image = container.querySelector("img");
  if (image) fireEvent.error(image);
  expect(screen.getByText("This picture is not on the server any more.")).toBeTruthy();
});

it("moves a number from halt to halt, and sets it back", () => {
  const fields = fieldsOf({ properties: { size: { type: "integer", default: 384, minimum: 64, maximum: 4096 } } });
  const onChange = vi.fn();
  const base = { size: 384 };
  const { rerender } = render(
    <SchemaSliders fields={fields} base={base} drafts={{}} errors={{}} onChange={onChange} />,
  );
  const slider = screen.getByRole("slider", { name: "Size" });
  expect(slider.getAttribute("aria-valuetext")).toBe("384");
  fireEvent.input(slider, { target: { value: "0" } });
  expect(onChange).toHaveBeenLastCalledWith({ size: "64" });

  rerender(
    <SchemaSliders fields={fields} base={base} drafts={{ size: "64" }} errors={{ size: "No." }} onChange={onChange} />,
  );
  expect(slider.getAttribute("aria-invalid")).toBe("true");
  fireEvent.click(screen.getByRole("button", { name: "Set Size back" }));
  expect(onChange).toHaveBeenLastCalledWith({});
});

it("moves the edge between two pictures, once there are two", () => {
  const { rerender } = render(<BeforeAfter before="/b" after={undefined} alt="" share={0} />);
  expect(screen.queryByRole("slider")).toBeNull();
  rerender(<BeforeAfter before="/b" after="/a" alt="Picture after 5 steps" share={0} />);
  const edge = screen.getByRole("slider", { name: "Content beside the picture" });
  expect(edge.getAttribute("aria-valuetext")).toBe("0 % content, 100 % picture");
  fireEvent.input(edge, { target: { value: "30" } });
  expect(edge.getAttribute("aria-valuetext")).toBe("30 % content, 70 % picture");
});
