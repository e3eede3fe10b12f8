/** What differs from the preset, gathered from all groups of the form. */

import { encode, type Field, type Values } from "../lib/schema";
import { t } from "../strings";

interface DifferencesProps {
  fields: Field[];
  base: Values;
  drafts: Record<string, string>;
  from: string;
  onReset: (fields: Field[]) => void;
}

/** Each can be set back, and all at once. */
export function Differences({ fields, base, drafts, from, onReset }: DifferencesProps) {
  const changed = fields.filter((field) => field.name in drafts);
  if (changed.length === 0) return null;
  const written = (text: string) => text || t.train.empty;
  return (
    <section class="panel stack close" aria-labelledby="differs">
      <div class="row apart">
        <h2 id="differs">{t.train.differs(from)}</h2>
        <button class="plain" type="button" onClick={() => onReset(changed)}>
          {t.train.resetAll}
        </button>
      </div>
      <ul class="changes">
        {changed.map((field) => (
          <li key={field.name}>
            <span>{field.label}</span>
            <span class="mono">
              <del>{written(encode(field, base[field.name] ?? null))}</del> →{" "}
              <ins>{written(drafts[field.name] ?? "")}</ins>
            </span>
            <button
              class="plain"
              type="button"
              aria-label={t.train.reset(field.label)}
              title={t.train.reset(field.label)}
              onClick={() => onReset([field])}
            >
              ↺
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
