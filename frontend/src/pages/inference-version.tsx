/** Which version is asked, by its model and number. */

import type { Model, Version } from "../api/types";
import { t } from "../strings";

interface VersionChoiceProps {
  models: Model[];
  model: string;
  versions: Version[]; // of the model, as far as they are known
  version: Version | undefined;
  onChoose: (model: string, number: string | undefined) => void; // undefined: the latest
  named?: string; // which of several
}

export function VersionChoice({ models, model, versions, version, onChoose, named = "" }: VersionChoiceProps) {
  const latest = models.find(({ name }) => name === model)?.latest?.version;
  const numbers = [...new Set(versions.map((one) => one.version))].sort((a, b) => b - a);
  return (
    <div class="row version-choice">
      <label class="hidden-visually" for={`${named}model`}>
        {named + t.inference.model}
      </label>
      <select id={`${named}model`} value={model} onChange={(e) => onChoose(e.currentTarget.value, undefined)}>
        {!models.some(({ name }) => name === model) && <option value="">–</option>}
        {models.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <label class="hidden-visually" for={`${named}version`}>
        {named + t.inference.version}
      </label>
      <select
        id={`${named}version`}
        value={String(version?.version ?? "")}
        onChange={(e) => onChoose(model, e.currentTarget.value)}
      >
        {!version && <option value="">–</option>}
        {numbers.map((number) => (
          <option key={number} value={String(number)}>
            {t.inference.versionNumber(number, number === latest)}
          </option>
        ))}
      </select>
    </div>
  );
}
