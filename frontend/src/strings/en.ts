/** All that the page says, in English. A translation is a copy of this file with the same keys.
 *
 * A text is a string; one with a number or a name in it is a function of them, so that a language can inflect it its own way. Texts stand
 * by page, in the order in which the page shows them; what several pages say stands under `common`.
 */

export const en = {
  common: {},
  broken: {
    title: "This page could not be shown",
    missing: "A part of it did not come: the server is away, or has been updated since you opened this tab.",
    mistake: "The page made a mistake. What runs on the server goes on.",
    reload: "Load it again",
    home: "To Home",
  },
  notFound: {
    title: "Nothing hangs here",
    lead: "There is no page at this address.",
    home: "Back to the entrance",
  },
  toasts: {
    undo: "Undo",
    close: "Close",
    notUndone: (why: string) => `It could not be taken back. ${why}`,
  },
};
