/** A form that is folded away until it differs or is wrong. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Drafts, Field } from "../lib/schema";
import { t } from "../strings";

interface DetailsProps {
  title: string;
  fields: Field[];
  drafts: Drafts;
  from: string;
  errors: Record<string, string>;
  children: ComponentChildren;
}

export function Details({ title, fields, drafts, from, errors, children }: DetailsProps) {
  const changed = fields.filter((field) => field.name in drafts).length;
  const [opened, setOpened] = useState(changed > 0);
  if (fields.length === 0) return null;
  return (
    <details open={opened || Object.keys(errors).length > 0} onToggle={(e) => setOpened(e.currentTarget.open)}>
      <summary>
        {title}{" "}
        <span class="soft small">
          {changed > 0 ? t.form.changed(changed, from) : t.form.unchanged(fields.length, from)}
        </span>
      </summary>
      <div class="panel">{children}</div>
    </details>
  );
}
