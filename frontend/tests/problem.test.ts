import { expect, it } from "vitest";
import { fieldErrors, problemFrom } from "../src/api/problem";

it("gives each field its message", () => {
  const problem = problemFrom(422, {
    title: "Validation failed",
    detail: "Two fields",
    errors: [
      { pointer: "/model", detail: "Too long." },
      { pointer: "/hyperparameters/steps", detail: "At least 1." },
      { pointer: "/dataset_options/categories/0", detail: "Unknown." },
    ],
  });
  expect(fieldErrors(problem, "/hyperparameters")).toEqual({ steps: "At least 1." });
  expect(fieldErrors(problem, "/dataset_options")).toEqual({ categories: "Unknown." });
  expect(fieldErrors(problem).model).toBe("Too long.");
  expect(fieldErrors(null)).toEqual({});
});

it.each([null, "<html>", { title: 3 }, []])("makes something to show of %j", (body) => {
  expect(problemFrom(502, body).title).toBe("The server refused (502)");
});
