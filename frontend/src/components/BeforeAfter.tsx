/** Two pictures in one place, and an edge between them that one moves: by pointer anywhere on them, or by keyboard. */

import { useState } from "preact/hooks";
import { t } from "../strings";

interface BeforeAfterProps {
  before: string;
  after: string | undefined; // until it is there, the first stands alone and pale
  alt: string; // of the second
  share: number; // of the first, from the left, at the beginning
}

export function BeforeAfter({ before, after, alt, share }: BeforeAfterProps) {
  const [edge, setEdge] = useState(Math.round(share * 100));
  const [ratio, setRatio] = useState<number>();
  const measure = ({ currentTarget: { naturalWidth, naturalHeight } }: { currentTarget: HTMLImageElement }) =>
    naturalHeight > 0 && setRatio(naturalWidth / naturalHeight);
  return (
    <div class="before-after" style={{ "--ratio": ratio ?? 1, "--edge": `${edge}%` }}>
      {after ? (
        <>
          <img class="after" src={after} alt={alt} onLoad={measure} />
          <img class="before" src={before} alt={t.pieces.theContent} />
          <span class="divide" aria-hidden="true" />
          <input
            type="range"
            min={0}
            max={100}
            value={edge}
            aria-label={t.pieces.beside}
            aria-valuetext={t.pieces.besideText(edge)}
            onInput={(e) => setEdge(e.currentTarget.valueAsNumber)}
          />
        </>
      ) : (
        <img class="before pale" src={before} alt={t.pieces.theContent} onLoad={measure} />
      )}
    </div>
  );
}
