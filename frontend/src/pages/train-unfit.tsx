/** Why a data set is not enough for what is to be learned. */

import type { Architecture, Dataset } from "../api/types";
import { lacking, otherWay } from "../lib/fit";
import type { Field } from "../lib/schema";
import { t } from "../strings";

interface UnfitProps {
  architecture: Architecture;
  fields: Field[];
  conditioning: string;
  dataset: Dataset;
  all: Dataset[];
  onWay: (way: string) => void;
}

/** Said before somebody asks for what cannot be learned, with what would be right. */
export function Unfit({ architecture, fields, conditioning, dataset, all, onWay }: UnfitProps) {
  const need = lacking(conditioning, dataset);
  const way = need && otherWay(fields, dataset);
  const fitting = all.filter((other) => lacking(conditioning, other) === null).map((other) => other.title);
  return (
    <div role="status" hidden={need === null} class="note mild">
      {need && (
        <>
          <strong>{t.train.unfit[need](architecture.title, dataset.title)}</strong>
          <span>{fitting.length > 0 ? t.train.fitting(fitting.join(", ")) : t.train.nothingFits}</span>
          {way && (
            <button class="quiet fit" type="button" onClick={() => onWay(way)}>
              {t.train.ways[way] ?? way}
            </button>
          )}
        </>
      )}
    </div>
  );
}
