/** A version that is chosen by its model and its number, as an address writes both: "cats@3". */

import { useId } from "preact/hooks";
import { api } from "../api/client";
import type { Model, Version } from "../api/types";
import { useResource } from "../lib/resource";
import { t } from "../strings";

interface Chosen {
  model: string;
  versions: Version[];
  version: Version | undefined; // undefined until it is read
}

/** The one that an address names; the latest of a model without a number, or of the newest model without a name. */
export function useVersion(models: Model[], written: string | undefined): Chosen {
  const [name, number] = (written ?? "").split("@");
  const model = models.find((known) => known.name === name) ?? models[0];
  const latest = model?.latest ?? undefined;
  const read = useResource(model ? `versions ${model.name}` : null, () => api.versions(model?.name ?? ""));
  const versions = read.data ?? (latest ? [latest] : []);
  const asked = model?.name === name && number ? versions.find(({ version }) => version === Number(number)) : undefined;
  return { model: model?.name ?? "", versions, version: asked ?? (number && !read.data ? undefined : latest) };
}

interface VersionFieldsProps {
  models: Model[];
  versions: Version[];
  version: Version;
  named?: string; // what stands before both labels
  onChoose: (written: string) => void;
}

export function VersionFields({ models, versions, version, named = "", onChoose }: VersionFieldsProps) {
  const id = useId();
  return (
    <div class="version-fields">
      <div class="field">
        <div class="field-label">
          <label for={`${id}-model`}>{t.metrics.model(named)}</label>
        </div>
        <select id={`${id}-model`} value={version.model} onChange={(e) => onChoose(e.currentTarget.value)}>
          {models.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </div>
      <div class="field">
        <div class="field-label">
          <label for={`${id}-version`}>{t.metrics.version(named)}</label>
        </div>
        <select
          id={`${id}-version`}
          value={String(version.version)}
          onChange={(e) => onChoose(`${version.model}@${e.currentTarget.value}`)}
        >
          {versions.map((known) => (
            <option key={known.version} value={String(known.version)}>
              {known.version}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}
