/** Addresses of what the browser fetches by itself: pictures, and logs to download. */

import { isId } from "../lib/style";

export const logUrl = (name: string) => `/api/v1/logs/${encodeURIComponent(name)}`;

const datasetUrl = (name: string) => `/api/v1/datasets/${encodeURIComponent(name)}`;

/** A grid of pictures from a data set. */
export const samplesUrl = (dataset: string, count: number, resolution: number) =>
  `${datasetUrl(dataset)}/samples?count=${count}&resolution=${resolution}&seed=0`;

/** One picture of a data set. */
export const pictureUrl = (dataset: string, index: number, resolution: number) =>
  `${datasetUrl(dataset)}/images/${index}?resolution=${resolution}`;

/** A picture by its id, or a built-in style by its name. */
export const referredUrl = (reference: string, size: number) =>
  `/api/v1/${isId(reference) ? `pictures/${reference}` : `styles/${encodeURIComponent(reference)}/picture`}?size=${size}`;
