/** Says that images are drawn from the latent of a projection, and lets go of it. */

import { Picture } from "../components/pieces";
import { address } from "../lib/url";
import { t } from "../strings";
import type { ControlsProps } from "./inference-controls";

export function FromLatent({ query, change }: ControlsProps) {
  const id = query.latent ?? "";
  const words = t.inference.latent;
  return (
    <div class="from-latent">
      <Picture src={`/api/v1/projections/${encodeURIComponent(id)}/image`} alt={words.picture(id)} class="crisp" />
      <div class="stack tight small">
        <strong>{words.title(id)}</strong>
        <a
          href={address("/inference", { model: query.model, version: query.version, mode: "project", projection: id })}
        >
          {words.show}
        </a>
        <button class="plain fit" type="button" onClick={() => change({ latent: undefined })}>
          {words.letGo}
        </button>
      </div>
    </div>
  );
}
