/** Which version is asked, by its model and number. */

import type { Model, Version } from "../api/types";
import { kindred } from "../lib/models";
import { t } from "../strings";

interface VersionChoiceProps {
  models: Model[];
  model: string;
  versions: Version[]; // of the model, as far as they are known
  version: Version | undefined;
  onChoose: (model: string, number: string | undefined) => void; // undefined: the latest
  named?: string; // which of several
  beside?: Version; // what it is compared with: the models that compare best come first
}

export function VersionChoice({ models, model, versions, version, onChoose, named = "", beside }: VersionChoiceProps) {
  const latest = models.find(({ name }) => name === model)?.latest?.version;
  const numbers = [...new Set(versions.map((one) => one.version))].sort((a, b) => b - a);
  return (
    <div class="row version-choice">
      <label class="hidden-visually" for={`${named}model`}>
        {named + t.inference.model}
      </label>
      <select id={`${named}model`} value={model} onChange={(e) => onChoose(e.currentTarget.value, undefined)}>
        {!models.some(({ name }) => name === model) && <option value="">–</option>}
        {beside ? (
          kindred(models, beside).map(([kinship, members]) => (
            <optgroup key={kinship} label={t.inference.compare.kinships[kinship](beside.dataset)}>
              <Names models={members} />
            </optgroup>
          ))
        ) : (
          <Names models={models} />
        )}
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

function Names({ models }: { models: Model[] }) {
  return models.map(({ name }) => <option key={name}>{name}</option>);
}
