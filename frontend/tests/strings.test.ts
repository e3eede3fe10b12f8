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
const isSentence = (text: string) => /^\p{Lu}\p{L}*,? \p{L}/u.test(text);

/** The English in a file that somebody will read: text in the markup, texts of attributes, and whatever else begins as a sentence does. */
function english(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const found = new Set<string>();
  const note = (node: ts.Node, text: string) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    found.add(`${path.slice(root.length + 1)}:${line + 1} ${text.trim()}`);
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
    if (ts.isStringLiteralLike(node) && isSentence(node.text) && !isForProgrammers(node)) note(node, node.text);
    if (ts.isTemplateExpression(node) && isSentence(node.head.text) && !isForProgrammers(node))
      note(node, node.head.text);
    ts.forEachChild(node, walk);
  };
  walk(source);
  return [...found];
}

/** What `new Error` says is read by who mends the page. */
function isForProgrammers({ parent }: ts.Node): boolean {
  return ts.isNewExpression(parent) && parent.expression.getText() === "Error";
}

const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("strings/") && name !== "api/schema.d.ts")
  .sort();

it.each(files)("%s leaves what the page says to strings/", (name) => {
  expect(english(`${root}/${name}`)).toEqual([]);
});

it("knows English when it sees it", () => expect(english(`${root}/strings/en.ts`).length).toBeGreaterThan(100));

it("counts as English does", () => {
  expect(t.datasets.classes(1)).toBe("1 class");
  expect(t.datasets.classes(2)).toBe("2 classes");
  expect(t.datasets.images(5000)).toBe("5,000 images");
});
