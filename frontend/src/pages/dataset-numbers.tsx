/** What is in a data set, by numbers. */

import type { ComponentChildren } from "preact";
import { api } from "../api/client";
import type { Report } from "../api/types";
import { Bars, ProblemNote } from "../components/pieces";
import { number, share, title } from "../lib/format";
import { useResource } from "../lib/resource";
import { t } from "../strings";

export function Classes({ name }: { name: string }) {
  const { data, problem } = useResource(`classes ${name}`, () => api.datasetClasses(name));
  return (
    <section class="stack" aria-labelledby="classes">
      <h2 id="classes">{t.dataset.classes}</h2>
      <ProblemNote problem={problem} />
      <Long label={t.dataset.classes} count={data?.length ?? 0}>
        <Bars
          label={t.dataset.picturesByClass}
          rows={[...(data ?? [])]
            .sort((a, b) => b.count - a.count)
            .map((known) => ({ name: known.name, value: known.count, text: number(known.count) }))}
        />
      </Long>
    </section>
  );
}

/** What may be long scrolls in a box of its own. */
function Long({ label, count, children }: { label: string; count: number; children: ComponentChildren }) {
  if (count <= 20) return children;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
    <section class="long" tabIndex={0} aria-label={t.dataset.all(label, count)}>
      {children}
    </section>
  );
}

export function Splits({ splits }: { splits: Record<string, number> }) {
  const all = Object.values(splits).reduce((sum, count) => sum + count, 0);
  return (
    <section class="stack" aria-labelledby="splits">
      <h2 id="splits">{t.dataset.splits}</h2>
      <Bars
        label={t.dataset.picturesBySplit}
        rows={Object.entries(splits).map(([name, count]) => ({
          name: t.dataset.splitNames[name] ?? name,
          value: count,
          text: `${number(count)}, ${share(count, all)}`,
        }))}
      />
    </section>
  );
}

export function Sizes({ sizes, modes }: { sizes: NonNullable<Report["sizes"]>; modes: Report["modes"] }) {
  return (
    <section class="stack" aria-labelledby="sizes">
      <h2 id="sizes">{t.dataset.sizes}</h2>
      <Bars
        label={t.dataset.picturesBySize}
        rows={sizes.histogram.map(({ pixels, count }) => ({ name: `${pixels} px`, value: count, text: number(count) }))}
      />
      <p class="small soft">{t.dataset.spread(spread(sizes.width), spread(sizes.height))}</p>
      <p class="row small">
        {Object.entries(modes).map(([mode, count]) => (
          <span class="tag" key={mode}>
            {mode}: {number(count)}
          </span>
        ))}
      </p>
    </section>
  );
}

export function Attributes({ attributes }: Pick<Report, "attributes">) {
  return (
    <section class="stack" aria-labelledby="attributes">
      <h2 id="attributes">{t.dataset.attributes}</h2>
      <Long label={t.dataset.attributes} count={attributes.length}>
        <Bars
          label={t.dataset.meanOfEach}
          rows={attributes.map(({ name, mean }) => ({
            name: title(name),
            value: Math.max(0, mean),
            text: number(mean),
          }))}
        />
      </Long>
    </section>
  );
}

export function Captions({ images, per_image, examples }: Report["captions"]) {
  return (
    <section class="stack" aria-labelledby="captions">
      <h2 id="captions">{t.dataset.captions}</h2>
      <p class="small soft">{t.dataset.captionsEach(images, number(per_image))}</p>
      <ul class="quotes">
        {examples.map((caption) => (
          <li key={caption}>{caption}</li>
        ))}
      </ul>
    </section>
  );
}

function spread({ min, median, max }: { min: number; median: number; max: number }): string {
  return min === max ? t.dataset.oneSize(number(min)) : t.dataset.sizesFromTo(number(min), number(max), number(median));
}
