/** Takes out of Pico what this page does not use: whole kinds of rules, and tokens that ours replace or nobody reads. */

import { readFileSync } from "node:fs";
import type { AcceptedPlugin, Node } from "postcss";

/** Tooltips, groups, busy signs, breadcrumbs, dates and colours, marks of validity, old browsers: none is on the page. */
const unused =
  /data-tooltip|role=group|role=search|aria-busy|breadcrumb|type=(date|datetime|month|week|time|color|reset|tel)|aria-invalid=false|-ms-|:host\b|rel=prev|dir=rtl|hgroup|blockquote|\b(address|kbd|dfn|switch)\b/;

const tokens = readFileSync(new URL("src/styles/tokens.css", import.meta.url), "utf8");
const ours = new Set(tokens.match(/--pico-[\w-]+(?=:)/g));

const isPico = (node: Node) => node.source?.input.file?.includes("@picocss") ?? false;

export const slimPico: AcceptedPlugin = {
  postcssPlugin: "slim-pico",
  OnceExit(root) {
    root.walkRules((rule) => {
      if (!isPico(rule) || (rule.parent?.type === "atrule" && /keyframes/.test(String(rule.parent)))) return;
      const kept = rule.selectors.filter((selector) => !unused.test(selector));
      if (kept.length === 0) rule.remove();
      else rule.selectors = kept;
    });
    for (let before = "", css = root.toString(); before !== css; css = root.toString()) {
      before = css;
      root.walkDecls(/^--pico-/, (token) => {
        if (!isPico(token)) return;
        const replaced = ours.has(token.prop) && /:root|data-theme/.test(token.parent?.toString().split("{")[0] ?? "");
        if (replaced || !(css.includes(`var(${token.prop})`) || css.includes(`var(${token.prop},`))) token.remove();
      });
    }
    root.walkRules((rule) => {
      if (rule.nodes.length === 0) rule.remove();
    });
    root.walkAtRules((rule) => {
      if (rule.nodes?.length === 0) rule.remove();
    });
  },
};
