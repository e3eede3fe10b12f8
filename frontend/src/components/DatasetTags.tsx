/** What a data set has, in a line. */

import type { Dataset } from "../api/types";
import { t } from "../strings";

export function DatasetTags({ dataset }: { dataset: Dataset }) {
  const { name, title, num_images, class_names, attribute_names, has_captions, num_skipped, layout, builtin, licence } =
    dataset;
  return (
    <span class="row">
      {name !== title && <span class="tag mono">{name}</span>}
      <span class="tag">{t.datasets.images(num_images)}</span>
      {class_names.length > 0 && <span class="tag">{t.datasets.classes(class_names.length)}</span>}
      {attribute_names.length > 0 && <span class="tag">{t.datasets.attributes(attribute_names.length)}</span>}
      {has_captions && <span class="tag">{t.datasets.captions}</span>}
      {num_skipped > 0 && <span class="tag told">{t.datasets.skipped(num_skipped)}</span>}
      <span class="tag">{builtin ? t.datasets.builtin : layout}</span>
      <span>{licence === "not stated" ? t.datasets.noLicence : licence}</span>
    </span>
  );
}
