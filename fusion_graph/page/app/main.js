// The page starts here.
import { html, render } from "./ui.js";
import { loadCatalog } from "./catalog.js";
import { MainView } from "./views/main_view.js";
import "./menus.js";
import "./theme.js";

loadCatalog();
render(html`<${MainView} />`, document.getElementById("page"));
