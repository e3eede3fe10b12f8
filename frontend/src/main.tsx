/** Starts the page. */

import "./lib/language"; // before anything that imports uPlot
import { render } from "preact";
import { App } from "./app";
import { applyTheme } from "./stores/theme";
import "./styles/index.css";

applyTheme();
const root = document.getElementById("app");
if (root) render(<App />, root);
