/** uPlot asks for the browser's language while it loads, and throws where that is none ("en-US@posix", of a system without a locale). */
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en" });
}
