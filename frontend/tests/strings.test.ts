import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { expect, it } from "vitest";
import { t } from "../src/strings";

const root = `${import.meta.dirname}/../src`;

const programs = ["lib/recipes.ts"]; // texts in other languages than people's

const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("strings/") && name !== "api/schema.d.ts")
  .filter((name) => !programs.includes(name))
  .sort();

const parsed = (name: string, code: string) => ts.createSourceFile(name, code, ts.ScriptTarget.Latest, true);
const sources = new Map(files.map((name) => [name, parsed(name, readFileSync(`${root}/${name}`, "utf8"))]));

/** Attributes that people read or hear: the browser's, and those of our components that are given words anywhere. */
const spoken = new Set(["aria-description", "aria-roledescription", ...[...sources.values()].flatMap(givenWords)]);
const named = new Set(["label", "title", "help", "hint", "legend", "words"]); // what variables and properties with texts are called

function givenWords(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const walk = (node: ts.Node) => {
    if (ts.isJsxAttribute(node) && node.initializer && ts.isJsxExpression(node.initializer)) {
      const value = node.initializer.expression;
      const either = value && ts.isConditionalExpression(value) ? [value.whenTrue, value.whenFalse] : [value];
      if (either.some((one) => one && isOfStrings(one))) found.push(node.name.getText());
    }
    ts.forEachChild(node, walk);
  };
  walk(source);
  return found;
}

/** Whether it is something of `t`, or of the part of it that a file calls `words`. */
function isOfStrings(node: ts.Expression): boolean {
  let from: ts.Expression = node;
  while (ts.isPropertyAccessExpression(from) || ts.isElementAccessExpression(from) || ts.isCallExpression(from))
    from = from.expression;
  return from !== node && ts.isIdentifier(from) && ["t", "words"].includes(from.text);
}

const hasWords = (text: string) => /\p{L}{2}/u.test(text);
const isPhrase = (text: string) => /^\p{Lu}\p{L}*,? \p{L}|(?<![\p{L}\d])\p{L}{2,} \p{L}{2}/u.test(text);
const isLoneWord = (text: string) => /^\p{Lu}\p{Ll}+\p{P}?$/u.test(text);
const goesOn = (text: string) => /^,? (?!(?:px|min)\b)\p{L}{2}/u.test(text);

/** The English in a file that somebody will read: text in the markup, texts of attributes, what is called a label or the like,
 * and wherever else words follow each other or a single one begins with a capital. */
function english(source: ts.SourceFile): string[] {
  const name = source.fileName;
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
    if ((ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node)) && named.has(node.name.getText()))
      results(node.initializer);
    if ((ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) && isPhrase(node.text) && !isForProgrammers(node))
      note(node, node.text);
    if (ts.isStringLiteralLike(node) && isLoneWord(node.text) && !isForProgrammers(node)) note(node, node.text);
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
  if (ts.isCallExpression(parent)) return /(^useResource|\.startsWith)$/.test(parent.expression.getText());
  if (ts.isLiteralTypeNode(parent)) return true;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText() === "key";
  if (ts.isJsxAttribute(parent)) return ["class", "key", "aria-labelledby"].includes(parent.name.getText());
  if (ts.isBinaryExpression(parent) && /[!=]==$/.test(parent.operatorToken.getText())) return true;
  const isPart =
    ts.isTemplateSpan(parent) ||
    ts.isTemplateExpression(parent) ||
    ts.isConditionalExpression(parent) ||
    ts.isBinaryExpression(parent) ||
    ts.isJsxExpression(parent);
  return isPart && isForProgrammers(parent);
}

it.each(files)("%s leaves what the page says to strings/", (name) => {
  expect(english(sources.get(name) as ts.SourceFile)).toEqual([]);
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
  '<PictureDrop invitation="anything" />',
  '<Slider resting={still ? "none" : value} />',
  'const label = on ? "on" : value;',
  'const field = { name, help: "odd" };',
  'toast("Saved");',
  'throw new Problem(0, "Broken.");',
])("knows English when it sees it: %s", (code) => expect(english(parsed("some.tsx", code))).toHaveLength(1));

it.each([
  '<p class="small soft" />',
  "<p class={`tag ${best ? 'best of-all' : ''}`}>{count}</p>",
  "useResource(name && `all versions ${name}`, read);",
  'if (licence === "not stated") throw new Error(`No licence of ${name}`);',
  'context.font = "12px system-ui, sans-serif";',
  "const size = `${side} px`;",
  'if (event.key === "Escape" || event.key.startsWith("Arrow")) close();',
  'type Kind = "Scoring";',
])("leaves alone what nobody reads: %s", (code) => expect(english(parsed("some.tsx", code))).toEqual([]));
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these strings are code

it("counts as English does", () => {
  expect(t.datasets.classes(1)).toBe("1 class");
  expect(t.datasets.classes(2)).toBe("2 classes");
  expect(t.datasets.images(5000)).toBe("5,000 images");
});
