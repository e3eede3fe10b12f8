/** What a version can be asked for, and nothing else: each kind of wish that its schema has gets its control. */

import type { ComponentChildren } from "preact";
import { type Can, canBeAsked } from "../lib/abilities";
import type { Changes, Query } from "../lib/url";
import { asked, forgotten } from "../lib/wishes";
import { t } from "../strings";
import { ClassChoice } from "./inference-classes";
import { FromLatent } from "./inference-latent";
import { Options } from "./inference-options";
import { Prompt } from "./inference-prompt";
import { Knobs } from "./inference-sliders";

export interface ControlsProps {
  can: Can;
  query: Query;
  change: (changes: Changes) => void;
}

export function Controls({ children, ...props }: ControlsProps & { children?: ComponentChildren }) {
  const { can, query, change } = props;
  const words = t.inference.controls;
  const poorly = can.dials.filter(({ hidden }) => hidden).length;
  const wished = Object.keys(asked(query)).length > 0;
  return (
    <section class="panel stack wishes" aria-label={words.title}>
      {wished && (
        <button class="plain fit set-back" type="button" onClick={() => change(forgotten(query))}>
          ↺ {words.setAllBack}
        </button>
      )}
      {can.latent && query.latent !== undefined && <FromLatent {...props} />}
      {can.prompt && <Prompt {...props} />}
      {can.classes.length > 0 && <ClassChoice {...props} />}
      {can.attributes.length > 0 && (
        <Knobs
          {...props}
          group="attributes"
          knobs={can.attributes}
          title={words.attributes}
          help={words.attributesHelp}
        />
      )}
      {can.dials.length > 0 && (
        <Knobs {...props} group="dial" knobs={can.dials} title={words.dials} help={words.dialsHelp}>
          {poorly > 0 && <p class="small soft">{words.poorly(poorly)}</p>}
        </Knobs>
      )}
      {can.options.length > 0 && <Options {...props} />}
      {children}
      {!canBeAsked(can) && !wished && <p class="small soft">{words.seedsAlone}</p>}
    </section>
  );
}
