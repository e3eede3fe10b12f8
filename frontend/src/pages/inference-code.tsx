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
        <Snippet name="curl" text={asCurl(recipe, location.origin, file, accept)} />
        <Snippet name="Python" text={asPython(recipe, location.origin, file, accept)} />
        <p class="small soft">{words.help}</p>
      </div>
    </details>
  );
}

function Snippet({ name, text }: { name: string; text: string }) {
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
        <h3>{name}</h3>
        {/* Browsers give the clipboard to secure pages alone; elsewhere the text is selected and copied by hand. */}
        {navigator.clipboard && (
          <button class="plain" type="button" onClick={copy}>
            {copied ? words.copied : words.copy(name)}
          </button>
        )}
      </div>
      <pre class="shell">{text}</pre>
    </div>
  );
}
