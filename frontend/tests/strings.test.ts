import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { expect, it } from "vitest";
import { t } from "../src/strings";

const root = `${import.meta.dirname}/../src`;

const spoken = new Set([
  "aria-label",
  "aria-description",
  "aria-roledescription",
  "aria-valuetext",
  "title",
  "placeholder",
  "label",
  "alt",
  "tab",
  "waiting",
]);

const hasWords = (text: string) => /\p{L}{2}/u.test(text);
const isPhrase = (text: string) => /^\p{Lu}\p{L}*,? \p{L}|(?<![\p{L}\d])\p{L}{2,} \p{L}{2}/u.test(text);
const goesOn = (text: string) => /^,? (?!(?:px|min)\b)\p{L}{2}/u.test(text);

/** The English in a file that somebody will read: text in the markup, texts of attributes, and wherever else words follow each other. */
function english(name: string, code: string): string[] {
  const source = ts.createSourceFile(name, code, ts.ScriptTarget.Latest, true);
  const found = new Set<string>();
  const note = (node: ts.Node, text: string) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    found.add(`${name}:${line + 1} ${text.trim()}`);
  };
  /** What an expression may come out as. */
  const results = (node: ts.Node | undefined) => {
    if (!node) return;
    if (ts.isStringLiteralLike(node)) {
      if (hasWords(node.text)) note(node, node.text);
    } else if (ts.isTemplateExpression(node)) {
      for (const part of [node.head, ...node.templateSpans.map((span) => span.literal)])
        if (hasWords(part.text)) note(node, part.text);
    } else if (ts.isConditionalExpression(node)) {
      results(node.whenTrue);
      results(node.whenFalse);
    } else if (ts.isBinaryExpression(node)) {
      results(node.left.kind === ts.SyntaxKind.StringLiteral ? node.left : undefined);
      results(node.right);
    } else if (ts.isParenthesizedExpression(node) || ts.isJsxExpression(node)) results(node.expression);
  };
  const walk = (node: ts.Node) => {
    if (ts.isJsxText(node) && hasWords(node.text)) note(node, node.text);
    if (ts.isJsxExpression(node) && !ts.isJsxAttribute(node.parent)) results(node);
    if (ts.isJsxAttribute(node) && spoken.has(node.name.getText())) results(node.initializer);
    if ((ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) && isPhrase(node.text) && !isForProgrammers(node))
      note(node, node.text);
    if (
      ts.isTemplateMiddleOrTemplateTail(node) &&
      (isPhrase(node.text) || goesOn(node.text)) &&
      !isForProgrammers(node)
    )
      note(node, node.text);
    ts.forEachChild(node, walk);
  };
  walk(source);
  return [...found];
}

/** Errors are read by who mends the page; and what is looked up, compared or named to the browser is read by nobody. */
function isForProgrammers(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isNewExpression(parent)) return parent.expression.getText() === "Error";
  if (ts.isCallExpression(parent)) return parent.expression.getText() === "useResource";
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText() === "key";
  if (ts.isJsxAttribute(parent)) return ["class", "key", "aria-labelledby"].includes(parent.name.getText());
  if (ts.isBinaryExpression(parent) && parent.operatorToken.getText().endsWith("===")) return true;
  const isPart =
    ts.isTemplateSpan(parent) ||
    ts.isTemplateExpression(parent) ||
    ts.isConditionalExpression(parent) ||
    ts.isBinaryExpression(parent) ||
    ts.isJsxExpression(parent);
  return isPart && isForProgrammers(parent);
}

const programs = ["lib/recipes.ts"]; // texts in other languages than people's

const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("strings/") && name !== "api/schema.d.ts")
  .filter((name) => !programs.includes(name))
  .sort();

it.each(files)("%s leaves what the page says to strings/", (name) => {
  expect(english(name, readFileSync(`${root}/${name}`, "utf8"))).toEqual([]);
});

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these strings are code
it.each([
  "<p>learns</p>",
  '<p>{done ? "done" : count}</p>',
  "<p>{`run ${id}`}</p>",
  '<button title="Close" />',
  'const verdict = "no larger than that";',
  'const words = counted(count, "real picture");',
  "const state = `${count} steps`;",
  "const found = `${count}, seen by ${network}`;",
  "const range = `at least ${least}`;",
])("knows English when it sees it: %s", (code) => expect(english("some.tsx", code)).toHaveLength(1));

it.each([
  '<p class="small soft" />',
  "<p class={`tag ${best ? 'best of-all' : ''}`}>{count}</p>",
  "useResource(name && `all versions ${name}`, read);",
  'if (licence === "not stated") throw new Error(`No licence of ${name}`);',
  'context.font = "12px system-ui, sans-serif";',
  "const size = `${side} px`;",
])("leaves alone what nobody reads: %s", (code) => expect(english("some.tsx", code)).toEqual([]));
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these strings are code

it("counts as English does", () => {
  expect(t.datasets.classes(1)).toBe("1 class");
  expect(t.datasets.classes(2)).toBe("2 classes");
  expect(t.datasets.images(5000)).toBe("5,000 images");
});
