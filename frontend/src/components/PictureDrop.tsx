/** Where a picture is dropped, pasted or chosen; it shows what is on its way, and what the server said of it. */

import { useId, useState } from "preact/hooks";
import type { Delivery } from "../lib/sending";
import { t } from "../strings";
import { Icon } from "./Icon";

interface PictureDropProps {
  label: string; // names it for those who do not see it
  invitation: string;
  help?: string;
  delivery: Delivery;
  several?: boolean;
  picture?: string | undefined; // URL of what is there already
  error: string | undefined;
}

export function PictureDrop({ label, invitation, help, delivery, several = false, picture, error }: PictureDropProps) {
  const id = useId();
  const [over, setOver] = useState(false);
  const [gone, setGone] = useState<string>(); // the picture that the server did not have
  const shown = picture !== gone ? picture : undefined;
  const wrong = delivery.error || error || (picture && !shown && delivery.name === null ? t.drop.gone : "");
  const take = (event: Event, files: FileList | undefined) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    delivery.take([...(files ?? [])].slice(0, several ? undefined : 1));
  };
  return (
    <div class="stack tight">
      <label
        class={`drop ${over ? "over" : ""} ${shown ? "taken" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => take(event, event.dataTransfer?.files)}
        onPaste={(event) => event.clipboardData?.files.length && take(event, event.clipboardData.files)}
      >
        <input
          type="file"
          accept="image/*"
          multiple={several}
          aria-label={label}
          aria-invalid={wrong ? true : undefined}
          aria-describedby={id}
          onChange={(event) => {
            const { files } = event.currentTarget;
            if (files && files.length > 0) delivery.take([...files]);
            event.currentTarget.value = ""; // the same file can be chosen again
          }}
        />
        {shown && <img src={shown} alt="" onError={() => setGone(shown)} />}
        <span class="invitation">
          {!shown && <Icon name="add" />}
          <span>
            <strong>{shown ? t.drop.replace : invitation}</strong>{" "}
            <span class="soft">{shown ? t.drop.byAnother : t.drop.ways}</span>
          </span>
        </span>
      </label>
      {delivery.name !== null && (
        <div class="stack tight">
          <div class="row apart small">
            <span class="soft">
              {delivery.share < 1 ? t.drop.sending(delivery.name) : t.drop.lookingAt(delivery.name)}
            </span>
            <button class="plain" type="button" onClick={delivery.stop}>
              {t.drop.stop}
            </button>
          </div>
          <progress value={delivery.share} max={1} aria-label={t.drop.sending(delivery.name)} />
        </div>
      )}
      <div id={id} class="stack tight" aria-live="polite">
        {wrong && <span class="field-error">{wrong}</span>}
        {help && <span class="field-help">{help}</span>}
      </div>
    </div>
  );
}
