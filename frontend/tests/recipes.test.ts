import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { asCurl, asPython } from "../src/lib/recipes";

const recipe = {
  url: "/api/v1/models/digits/versions/1/images",
  body: {
    seed: 7,
    prompt: "it’s an 'a' \"b\" $HOME\n\\",
    dial: null,
    on: true,
    weights: { "People & Body": 0.5 },
    list: [1, 2],
  },
};

it("writes curl whose words a shell reads back as they were", () => {
  const command = asCurl(recipe, "http://127.0.0.1:8000", "my digits 7.png");
  const words = execFileSync("sh", ["-c", `curl() { printf '%s\\0' "$@"; }\n${command}`], { encoding: "utf8" }).split(
    "\0",
  );
  expect(words.slice(0, 2)).toEqual(["-sS", "http://127.0.0.1:8000/api/v1/models/digits/versions/1/images"]);
  expect(JSON.parse(words[words.indexOf("-d") + 1] ?? "")).toEqual(recipe.body);
  expect(words[words.indexOf("-o") + 1]).toBe("my digits 7.png");
  expect(words).toContain("Accept: image/png");
});

it("writes Python whose values are the request's", () => {
  const source = asPython(recipe, "http://127.0.0.1:8000", "7.png");
  expect(source).toContain('"dial": None, "on": True, "weights": {"People & Body": 0.5}, "list": [1, 2]');
  const body = source.slice(source.indexOf("body = "), source.indexOf("\nrequest = "));
  const printed = execFileSync("python3", ["-c", `${body}\nimport json; print(json.dumps(body))`], {
    encoding: "utf8",
  });
  expect(JSON.parse(printed)).toEqual(recipe.body);
});
