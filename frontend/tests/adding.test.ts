// @vitest-environment happy-dom

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Sources } from "../src/api/types";
import { dropped, emptyDraft, folderOf, formOf, nameOf, suggestedName, whyNot } from "../src/lib/adding";
import { add, draft, edit, refused, stop, upload } from "../src/stores/adding";
import { jobs } from "../src/stores/jobs";
import { preparation } from "./jobs";

const offered: Sources = {
  layouts: [{ name: "flat", title: "One folder", summary: "" }],
  downloads: [{ name: "mnist", title: "MNIST", licence: "", layout: "folders", bytes: 0, images: 0 }],
  roots: ["/data", "/more/"],
  max_upload_bytes: 1000,
};

const zip = (name = "My Birds (2).zip", size = 20) => new File([`PK${"x".repeat(size - 2)}`], name);

it.each([
  ["My Birds (2).zip", "my-birds-2"],
  ["/data/CUB_200_2011/", "cub_200_2011"],
  ["C:\\pictures\\Häuser", "h-user"],
  ["...zip", ""],
  [`${"a".repeat(80)}.zip`, "a".repeat(64)],
])("suggests for %j the name %j", (from, name) => expect(suggestedName(from)).toBe(name));

it("takes the user's name before the suggested one, also when it is empty", () => {
  expect(nameOf({ ...emptyDraft, file: zip() }, "upload", offered)).toBe("my-birds-2");
  expect(nameOf({ ...emptyDraft, file: zip(), name: "" }, "upload", offered)).toBe("");
  expect(nameOf({ ...emptyDraft, path: "set/Dogs" }, "folder", offered)).toBe("dogs");
  expect(nameOf(emptyDraft, "download", offered)).toBe("mnist");
});

it("joins a root and what is below it", () => {
  expect(folderOf(emptyDraft, offered)).toBe("/data");
  expect(folderOf({ ...emptyDraft, root: "/more/", path: "/dogs/ " }, offered)).toBe("/more/dogs");
});

it("sends what its source has, and the file last", () => {
  const fields = (form: FormData) => [...form.keys()];
  const full = { ...emptyDraft, file: zip(), layout: "flat", title: " Birds " };
  const form = formOf(full, "upload", offered);
  expect(fields(form)).toEqual(["name", "title", "layout", "resolution", "mirrorable", "file"]);
  expect(form.get("title")).toBe("Birds");
  expect(fields(formOf(full, "folder", offered))).not.toContain("file");
  expect(fields(formOf(full, "download", offered))).toEqual(["name", "title", "resolution", "mirrorable", "download"]);
});

it("knows what the server would refuse", async () => {
  expect(await whyNot(zip(), 1000)).toBe("");
  expect(await whyNot(zip("a.zip", 2000), 1000)).toContain("ATELIER_MAX_UPLOAD_BYTES");
  expect(await whyNot(new File(["Rar!"], "a.zip"), 1000)).toContain("not a zip file");
  expect(await whyNot(new File([], "a.zip"), 1000)).toContain("not a zip file");
});

it("takes one dropped file, and says why not a folder or several", () => {
  const item = (file: File | null, isDirectory = false) => ({
    kind: "file",
    getAsFile: () => file,
    webkitGetAsEntry: () => ({ isDirectory }),
  });
  const drop = (...items: unknown[]) => dropped({ items } as unknown as DataTransfer);
  const file = zip();
  expect(drop(item(file))).toEqual({ file });
  expect(drop(item(file), item(file))).toHaveProperty("error");
  expect(drop(item(file, true))).toHaveProperty("error");
  expect(drop({ kind: "string" })).toHaveProperty("error");
});

/** The browser's XMLHttpRequest, driven by hand. */
class Request {
  static newest: Request | undefined;
  upload: { onprogress?: (event: { loaded: number; total: number }) => void } = {};
  onload?: () => void;
  onerror?: () => void;
  onabort?: () => void;
  status = 0;
  responseText = "";
  sent?: FormData;
  constructor() {
    Request.newest = this;
  }
  open() {}
  setRequestHeader() {}
  send(form: FormData) {
    this.sent = form;
  }
  abort() {
    this.onabort?.();
  }
  answer(status: number, body: unknown) {
    this.status = status;
    this.responseText = JSON.stringify(body);
    this.onload?.();
  }
}

beforeEach(() => {
  vi.stubGlobal("XMLHttpRequest", Request);
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ items: [{ name: "emoji" }], next_cursor: null })));
  draft.value = emptyDraft;
  refused.value = null;
  jobs.value = new Map();
});
afterEach(() => vi.unstubAllGlobals());

const begun = async () => {
  Request.newest = undefined;
  const added = add("upload", offered);
  const request = await vi.waitUntil(() => Request.newest);
  return { added, request };
};

it("shows how much is sent, then knows the job", async () => {
  edit({ file: zip() });
  const { added, request } = await begun();
  request.upload.onprogress?.({ loaded: 10, total: 20 });
  expect(upload.value).toMatchObject({ name: "my-birds-2", sent: 10, total: 20 });
  request.answer(202, preparation({ id: 5 }));
  expect(await added).toBe(true);
  expect(upload.value).toBeNull();
  expect(jobs.value.get(5)?.kind).toBe("prepare");
  expect(draft.value).toEqual(emptyDraft);
});

it("keeps what was filled in when the server refuses", async () => {
  edit({ file: zip(), name: "birds", layout: "cub" });
  const { added, request } = await begun();
  request.answer(422, { title: "Invalid", detail: "", errors: [{ pointer: "/layout", detail: "Not so." }] });
  expect(await added).toBe(false);
  expect(refused.value?.errors).toEqual([{ pointer: "/layout", detail: "Not so." }]);
  expect(draft.value).toMatchObject({ name: "birds", layout: "cub" });
  expect(upload.value).toBeNull();
});

it("says at the name that it is taken, before the file is sent and after", async () => {
  edit({ file: zip(), name: "emoji" });
  expect(await add("upload", offered)).toBe(false);
  expect(refused.value?.errors).toMatchObject([{ pointer: "/name" }]);

  edit({ name: "birds" });
  const { added, request } = await begun();
  request.answer(409, { title: "Conflict", detail: "Job 4 is preparing a data set birds." });
  expect(await added).toBe(false);
  expect(refused.value?.errors).toEqual([{ pointer: "/name", detail: "Job 4 is preparing a data set birds." }]);
});

it("ends quietly when it is cancelled, and in words when the connection breaks", async () => {
  edit({ file: zip() });
  const first = await begun();
  stop();
  expect(await first.added).toBe(false);
  expect(refused.value).toBeNull();

  const second = await begun();
  second.request.onerror?.();
  expect(await second.added).toBe(false);
  expect(refused.value?.title).toBe("The connection broke off.");
});

it("sends nothing without a file", async () => {
  expect(await add("upload", offered)).toBe(false);
  expect(refused.value?.errors).toEqual([{ pointer: "/file", detail: "Choose a zip file." }]);
});
