/** A prompt in words, and a second one: to keep away from, or to be led towards. */

import { Slider } from "../components/Slider";
import { percent } from "../lib/format";
import { t } from "../strings";
import type { ControlsProps } from "./inference-controls";

const longest = 1000; // characters

export function Prompt({ can, query, change }: ControlsProps) {
  const words = t.inference.prompt;
  const [prompt, negative, towards] = [query.prompt ?? "", query.negative ?? "", query.towards ?? ""];
  return (
    <div class="stack close">
      <label class="field">
        <span class="field-label">{words.title}</span>
        <textarea
          rows={3}
          maxLength={longest}
          placeholder={words.placeholder}
          value={prompt}
          onInput={(e) => change({ prompt: e.currentTarget.value || undefined })}
          onKeyDown={(e) => {
            if (e.key !== "Enter" || e.shiftKey) return;
            e.preventDefault();
            e.currentTarget.form?.requestSubmit();
          }}
        />
      </label>
      <p class="small soft">{words.without}</p>
      {can.negative && towards === "" && (
        <label class="field">
          <span class="field-label">{words.negative}</span>
          <input
            maxLength={longest}
            value={negative}
            disabled={prompt === ""}
            onInput={(e) => change({ negative: e.currentTarget.value || undefined })}
          />
        </label>
      )}
      {can.mixedPrompts && negative === "" && (
        <label class="field">
          <span class="field-label">{words.towards}</span>
          <input
            maxLength={longest}
            value={towards}
            disabled={prompt === ""}
            onInput={(e) => change({ towards: e.currentTarget.value || undefined, share: undefined })}
          />
        </label>
      )}
      {towards !== "" && (
        <Slider
          label={words.share}
          value={query.share === undefined ? undefined : Number(query.share)}
          rest={0.5}
          resting={percent(0.5)}
          min={0}
          max={1}
          step={0.05}
          words={percent}
          onChange={(value) => change({ share: value === undefined ? undefined : String(value) })}
        />
      )}
    </div>
  );
}
