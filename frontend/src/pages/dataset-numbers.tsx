/** What is in a data set, by numbers. */

import type { ComponentChildren } from "preact";
import { api } from "../api/client";
import type { Report } from "../api/types";
import { Bars, ProblemNote } from "../components/pieces";
import { number, plural, share, title } from "../lib/format";
import { useResource } from "../lib/resource";

export function Classes({ name }: { name: string }) {
  const { data, problem } = useResource(`classes ${name}`, () => api.datasetClasses(name));
  return (
    <section class="stack" aria-labelledby="classes">
      <h2 id="classes">Classes</h2>
      <ProblemNote problem={problem} />
      <Long label="Classes" count={data?.length ?? 0}>
        <Bars
          label="Pictures by class"
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
    <section class="long" tabIndex={0} aria-label={`${label}, all ${count}`}>
      {children}
    </section>
  );
}

const splitWords: Record<string, string> = { train: "training", val: "validation", test: "test" };

export function Splits({ splits }: { splits: Record<string, number> }) {
  const all = Object.values(splits).reduce((sum, count) => sum + count, 0);
  return (
    <section class="stack" aria-labelledby="splits">
      <h2 id="splits">Splits</h2>
      <Bars
        label="Pictures by split"
        rows={Object.entries(splits).map(([name, count]) => ({
          name: splitWords[name] ?? name,
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
      <h2 id="sizes">Sizes as they came</h2>
      <Bars
        label="Pictures by the length of the shorter side"
        rows={sizes.histogram.map(({ pixels, count }) => ({ name: `${pixels} px`, value: count, text: number(count) }))}
      />
      <p class="small soft">
        {spread("Width", sizes.width)}; {spread("height", sizes.height)}.
      </p>
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
      <h2 id="attributes">Attributes</h2>
      <Long label="Attributes" count={attributes.length}>
        <Bars
          label="Mean of each attribute"
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
      <h2 id="captions">Captions</h2>
      <p class="small soft">
        {plural(images, "picture")} with {number(per_image)} each, such as
      </p>
      <ul class="quotes">
        {examples.map((caption) => (
          <li key={caption}>{caption}</li>
        ))}
      </ul>
    </section>
  );
}

function spread(what: string, { min, median, max }: { min: number; median: number; max: number }): string {
  return min === max
    ? `${what} ${number(min)} px`
    : `${what} ${number(min)} to ${number(max)} px, half of them up to ${number(median)}`;
}
