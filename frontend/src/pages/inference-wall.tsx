/** The images that were drawn, each with its seed, to save and to come back to. */

import { useEffect, useState } from "preact/hooks";
import type { Picture as Drawn, Version } from "../api/types";
import { Icon } from "../components/Icon";
import { Picture } from "../components/pieces";
import { address, type Query } from "../lib/url";

/** The images that came, and what they were asked for by. */
export interface Drawing {
  asked: Query;
  items: Drawn[];
}

interface WallProps {
  drawing: Drawing | undefined;
  expected: number;
  version: Version | undefined;
  model: string;
  number: number;
}

/** The images, or their empty places before the first drawing. Small ones are shown at up to four times their size. */
export function Wall({ drawing, expected, version, model, number }: WallProps) {
  const resolution = version?.image.resolution ?? 32;
  const tile = `${Math.min(256, Math.max(128, resolution * 4))}px`;
  const places: (Drawn | undefined)[] = drawing?.items ?? new Array(expected).fill(undefined);
  return (
    <div class="wall" style={{ "--tile": tile }}>
      {places.map((image, index) => (
        <figure class="frame" key={image?.id ?? index}>
          <div class="mat">
            {image ? <Picture src={image.url} alt={`Image from seed ${image.seed}`} /> : <div class="picture" />}
          </div>
          <figcaption>
            {image && (
              <>
                <span class="seed" title={`Seed ${image.seed}`}>
                  {image.seed}
                </span>
                <span class="buttons">
                  <a
                    class="button plain square"
                    href={image.url}
                    download={`${model}-v${number}-${image.seed}.png`}
                    aria-label={`Save image ${image.seed}`}
                    title="Save"
                  >
                    <Icon name="save" size={17} />
                  </a>
                  <a
                    class="button plain square"
                    href={address("/style", { content: image.id })}
                    aria-label={`Use image ${image.seed} as content of a style transfer`}
                    title="Use as content of a style transfer"
                  >
                    <Icon name="style" size={17} />
                  </a>
                  <CopyLink
                    path={address("/inference", {
                      model,
                      version: String(number),
                      seed: String(image.seed),
                      count: "1",
                      ...drawing?.asked,
                    })}
                    label={`Copy the link of image ${image.seed}`}
                  />
                </span>
              </>
            )}
          </figcaption>
        </figure>
      ))}
    </div>
  );
}

/** Browsers give the clipboard to secure pages alone; elsewhere the button is a plain link to copy from. */
function CopyLink({ path, label }: { path: string; label: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    const timer = copied ? setTimeout(() => setCopied(false), 1500) : undefined;
    return () => clearTimeout(timer);
  }, [copied]);
  if (!navigator.clipboard)
    return (
      <a class="button plain square" href={path} aria-label={label}>
        <Icon name="link" size={17} />
      </a>
    );
  const copy = () => navigator.clipboard.writeText(new URL(path, location.origin).href).then(() => setCopied(true));
  return (
    <button class="plain square" type="button" onClick={copy} aria-label={copied ? "Copied" : label} title="Copy link">
      <Icon name={copied ? "check" : "link"} size={17} />
    </button>
  );
}
