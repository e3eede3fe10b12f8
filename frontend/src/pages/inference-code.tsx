/** The request that draws a picture, for a terminal and for Python. */

import { useEffect, useState } from "preact/hooks";
import { asCurl, asPython, type Recipe } from "../lib/recipes";
import { t } from "../strings";

export function AsCode({ recipe, file, accept }: { recipe: Recipe; file: string; accept?: string }) {
  const words = t.inference.code;
  return (
    <details>
      <summary>{words.title}</summary>
      <div class="stack close">
        <Snippet label={words.curl} text={asCurl(recipe, location.origin, file, accept)} />
        <Snippet label={words.python} text={asPython(recipe, location.origin, file, accept)} />
        <p class="small soft">{words.help}</p>
      </div>
    </details>
  );
}

function Snippet({ label, text }: { label: string; text: string }) {
  const words = t.inference.code;
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    const timer = copied ? setTimeout(() => setCopied(false), 1500) : undefined;
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => navigator.clipboard.writeText(text).then(() => setCopied(true));
  return (
    <div class="stack tight">
      <div class="row apart">
        <h3>{label}</h3>
        {/* Browsers give the clipboard to secure pages alone; elsewhere the text is selected and copied by hand. */}
        {navigator.clipboard && (
          <button class="plain" type="button" onClick={copy}>
            {copied ? words.copied : words.copy(label)}
          </button>
        )}
      </div>
      <pre class="shell">{text}</pre>
    </div>
  );
}
