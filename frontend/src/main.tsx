/** Starts the page. */

import { render } from "preact";
import { App } from "./app";
import { applyTheme } from "./stores/theme";
import "./styles/index.css";

applyTheme();
const root = document.getElementById("app");
if (root) render(<App />, root);
