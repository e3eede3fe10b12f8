/** What versions tell of themselves, cut down to what tests need. */

import { type Can, canOf } from "../src/lib/abilities";
import type { Schema } from "../src/lib/schema";

const amount = { type: "number", minimum: -3, maximum: 3 };
const chance = { type: "number", minimum: 0, maximum: 1 };
const named = (names: string[], value: Schema): Schema => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, value])),
});

export const properties = {
  prompt: { type: "string" },
  negative_prompt: { type: "string" },
  prompt_weights: { type: "object" },
  class_weights: named(["3", "1", "People & Body"], amount),
  attributes: named(["smiling", "hat.tall"], amount),
  dial: named(["red", "3.5 inch"], chance),
  directions: { type: "object", properties: { "sefa-1": { ...amount, title: "width", "x-hidden": true } } },
  latent: { anyOf: [{ type: "array" }, { type: "integer", minimum: 1 }] },
  truncation_psi: { anyOf: [{ type: "number", minimum: -2, maximum: 2 }, { type: "null" }], default: null },
  truncation_cutoff: { type: "integer", minimum: 0, maximum: 8 },
  noise_mode: { anyOf: [{ enum: ["random", "const"], type: "string" }, { type: "null" }], default: null },
  count: { type: "integer", minimum: 1, maximum: 32 },
  seed: { type: "integer" },
  seeds: { type: "array" },
  format: { enum: ["png"] },
  layout: { enum: ["grid"] },
} satisfies Record<string, Schema>;

/** A version whose images take these members of a wish, and others that are told with them. */
export function able(names: (keyof typeof properties)[], others: Record<string, Schema> = {}): Can {
  const own = Object.fromEntries(
    ["count", ...names].map((name) => [name, properties[name as keyof typeof properties]]),
  );
  return canOf({
    conditioning: "none",
    takes: [],
    latent_dim: 8,
    spaces: ["z"],
    layers: null,
    images: { properties: { ...own, ...others } },
    interpolations: { properties: { waypoints: { type: "array", maxItems: 16 }, frames: { type: "integer" } } },
    style_mixing: null,
  });
}
