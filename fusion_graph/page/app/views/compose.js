// The first thing one sees: a question box, with the panel that will be asked and what it may cost.
import { html, useEffect, useRef } from "../ui.js";
import { beside, building, question, replace, setQuestion, settings } from "../draft.js";
import { catalog, loadCatalog } from "../catalog.js";
import { explain } from "../explain.js";
import { become, go, to } from "../router.js";
import { ask } from "../runs.js";
import { settingsOf } from "../share.js";
import { Notice } from "./notice.js";
import { OutlookLine } from "./outlook_line.js";
import { PanelBar } from "./panel_bar.js";
import { PanelBuilder } from "./panel_builder.js";
import { AskBox } from "./ask_box.js";

export function Compose({ shared }) {
  const bad = useRef(false);
  useEffect(() => {
    if (!shared) return;
    const found = settingsOf(shared);
    bad.current = !found;
    if (found) replace(found);
    become();
  }, [shared]);
  return html`<section class="compose" aria-label="Ask a panel">
    ${beside.value && html`<p class="notice hint" role="note">The answer will stand beside <a href=${to("run", beside.value.id)}>the run you came from</a>.${" "}
      <button type="button" class="small" onClick=${() => (beside.value = null)}>Ask alone</button></p>`}
    ${bad.current && html`<${Notice} told=${{ title: "The link holds no panel.", text: "It may have been cut; ask for it again.", actions: [] }} />`}
    <${AskBox} value=${question.value} onInput=${setQuestion} onAsk=${start} label="Your question" autofocus />
    ${catalog.value.error && html`<${Notice} told=${explain(catalog.value.error)} on=${{ again: loadCatalog }} />`}
    <${PanelBar} />
    ${!catalog.value.error && html`<${OutlookLine} question=${question.value} previous=${beside.value?.previous ?? null} />`}
    ${building.value && html`<${PanelBuilder} key=${settings.value.preset ?? ""} />`}
  </section>`;
}

function start(text) {
  const refused = document.querySelector(".limits input:invalid"); // a cap that does not hold must not be taken for one
  if (refused) return void refused.reportValidity();
  const other = beside.value;
  ask(settings.value, text, other?.previous ?? null);
  beside.value = null;
  setQuestion("");
  if (other) go("compare", other.id, "new");
  else go("run", "new");
}
