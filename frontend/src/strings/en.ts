/** All that the page says, in English. A translation is a copy of this file with the same keys.
 *
 * A text is a string; one with a number or a name in it is a function of them, so that a language can inflect it its own way. Texts stand
 * by page, in the order in which the page shows them; what several pages say stands under `common`.
 */

export const en = {
  common: {},
};
