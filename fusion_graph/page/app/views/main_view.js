// The page around everything: header, list of runs, and what the address names.
import { html } from "../ui.js";
import { route, to } from "../router.js";
import { setTheme, theme, THEMES } from "../theme.js";
import { apiKey, keyAsked } from "../key.js";
import { Compare } from "./compare.js";
import { Compose } from "./compose.js";
import { KeyDialog } from "./key_dialog.js";
import { RunsList } from "./runs_list.js";
import { Thread } from "./thread.js";

export function MainView() {
  const { name, rest } = route.value;
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="top">
      <h1><a href=${to()}>fusion-graph</a></h1>
      <nav aria-label="Page">
        <a class="button quiet" href=${to()} aria-current=${name === "new" ? "page" : undefined}>Ask</a>
        <a class="button quiet runs-link" href=${to("runs")} aria-current=${name === "runs" ? "page" : undefined}>Runs</a>
        <button type="button" class="quiet" onClick=${() => (keyAsked.value = "")}>${apiKey.value ? "Key set" : "Key"}</button>
        <label class="theme"><span class="unseen">Colours</span>
          <select value=${theme.value} onChange=${(event) => setTheme(event.target.value)}>
            ${THEMES.map((one) => html`<option value=${one} selected=${one === theme.value}>${one}</option>`)}
          </select>
        </label>
      </nav>
    </header>
    <div class="frame">
      <aside class="side" aria-label="Runs"><${RunsList} /></aside>
      <main id="main" tabindex="-1"><${Content} name=${name} rest=${rest} /></main>
    </div>
    <${KeyDialog} />
  `;
}

function Content({ name, rest }) {
  if (name === "run") return html`<${Thread} key=${"run"} id=${rest[0]} />`;
  if (name === "compare") return html`<${Compare} key=${rest.join()} ids=${rest} />`;
  if (name === "runs") return html`<section class="card"><${RunsList} full /></section>`;
  return html`<${Compose} key="compose" shared=${name === "panel" ? rest[0] : null} />`;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}
