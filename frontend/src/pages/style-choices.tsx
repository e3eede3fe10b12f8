/** What is drawn, and in which styles: pictures that one brings, and the gallery. */

import { referredUrl } from "../api/addresses";
import type { Problem } from "../api/problem";
import type { Style } from "../api/types";
import { PictureDrop } from "../components/PictureDrop";
import { Picture } from "../components/pieces";
import { Slider } from "../components/Slider";
import { capital } from "../lib/format";
import { type Delivery, useDelivery } from "../lib/sending";
import { type ChosenStyle, nearest, styleError, styleNames, weights } from "../lib/style";
import { t } from "../strings";

interface ContentChoiceProps {
  content: string | undefined;
  delivery: Delivery;
  error: string | undefined;
  onRemove: () => void;
}

export function ContentChoice({ content, delivery, error, onRemove }: ContentChoiceProps) {
  return (
    <section class="stack" aria-labelledby="content">
      <div class="row apart choice-head">
        <h2 id="content">{t.style.content}</h2>
        {content && (
          <button class="plain" type="button" onClick={onRemove}>
            {t.style.remove}
          </button>
        )}
      </div>
      <PictureDrop
        label={t.style.contentPicture}
        invitation={t.style.dropContent}
        delivery={delivery}
        picture={content && referredUrl(content, 768)}
        error={error}
      />
    </section>
  );
}

interface StylesChoiceProps {
  styles: ChosenStyle[];
  gallery: Style[];
  delivery: Delivery;
  problem: Problem | null;
  error: string | undefined;
  onChange: (styles: ChosenStyle[]) => void;
}

export function StylesChoice({ styles, gallery, delivery, problem, error, onChange }: StylesChoiceProps) {
  const names = styleNames(styles, gallery);
  const replace = (index: number, change: Partial<ChosenStyle>) =>
    onChange(styles.map((style, at) => (at === index ? { ...style, ...change } : style)));
  return (
    <section class="stack" aria-labelledby="styles">
      <div class="row apart choice-head">
        <h2 id="styles">{t.style.styles}</h2>
      </div>
      {styles.length > 0 && (
        <ul class="chosen-styles">
          {styles.map((style, index) => (
            <ChosenRow
              key={style.picture}
              style={style}
              name={names[index] ?? ""}
              several={styles.length > 1}
              error={styleError(problem, index)}
              onChange={(change) => replace(index, change)}
              onRemove={() => onChange(styles.filter((other) => other !== style))}
            />
          ))}
        </ul>
      )}
      <PictureDrop
        label={t.style.stylePictures}
        invitation={styles.length > 0 ? t.style.dropAnother : t.style.dropStyles}
        help={styles.length > 0 ? undefined : t.style.dropHelp}
        delivery={delivery}
        several
        error={error}
      />
    </section>
  );
}

interface ChosenRowProps {
  style: ChosenStyle;
  name: string;
  several: boolean;
  error: string | undefined;
  onChange: (change: Partial<ChosenStyle>) => void;
  onRemove: () => void;
}

function ChosenRow({ style, name, several, error, onChange, onRemove }: ChosenRowProps) {
  const { picture, weight, mask } = style;
  const delivery = useDelivery(({ id }) => onChange({ mask: id }));
  return (
    <li class="chosen-style panel">
      <Picture src={referredUrl(picture, 256)} alt="" />
      <div class="stack tight">
        <div class="row apart">
          <strong>{capital(name)}</strong>
          <button class="plain" type="button" onClick={onRemove} aria-label={t.style.removeNamed(name)}>
            {t.style.remove}
          </button>
        </div>
        {several && (
          <Slider
            label={t.style.weight}
            named={t.style.weightOf(name)}
            value={weight === 1 ? undefined : nearest(weights, weight)}
            rest={weights.indexOf(1)}
            resting={t.style.asOthers}
            min={0}
            max={weights.length - 1}
            step={1}
            words={(index) => String(weights[index] ?? weight)}
            onChange={(index) => onChange({ weight: index === undefined ? 1 : (weights[index] ?? 1) })}
          />
        )}
        {error && (
          <span class="field-error" role="alert">
            {error}
          </span>
        )}
        <details open={mask !== undefined || undefined}>
          <summary class="small">
            {t.style.mask} <span class="soft">{mask ? t.style.whereWhite : t.style.everywhere}</span>
          </summary>
          <div class="stack tight">
            <PictureDrop
              label={t.style.maskOf(name)}
              invitation={t.style.dropMask}
              help={t.style.maskHelp}
              delivery={delivery}
              picture={mask && referredUrl(mask, 256)}
              error={undefined}
            />
            {mask && (
              <button class="plain fit" type="button" onClick={() => onChange({ mask: undefined })}>
                {t.style.removeMask}
              </button>
            )}
          </div>
        </details>
      </div>
    </li>
  );
}

interface GalleryChoiceProps {
  all: Style[];
  chosen: ChosenStyle[];
  onToggle: (name: string, on: boolean) => void;
}

export function GalleryChoice({ all, chosen, onToggle }: GalleryChoiceProps) {
  return (
    <section class="stack" aria-labelledby="gallery">
      <h2 id="gallery">{t.style.gallery}</h2>
      <div class="gallery">
        {all.map(({ name, title, description, licence, url }) => (
          <label class="card" key={name} title={`${description} ${licence}`}>
            <input
              type="checkbox"
              aria-label={title}
              checked={chosen.some(({ picture }) => picture === name)}
              onChange={(e) => onToggle(name, e.currentTarget.checked)}
            />
            <Picture src={`${url}?size=256`} alt="" />
            <span>{title}</span>
          </label>
        ))}
      </div>
    </section>
  );
}
