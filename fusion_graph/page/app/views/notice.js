// An error or a hint as sentences, with buttons for what can be done.
import { html } from "../ui.js";
import { keyAsked } from "../key.js";

const NAMES = {
  key: "Enter a key",
  offline: "Use the preset offline",
  retry: "Ask the failed seats again",
  resume: "Go on with the run",
  panel: "Change the panel",
  again: "Try again",
  reload: "Load the page again",
};
const OWN = { key: () => (keyAsked.value = ""), reload: () => location.reload() };

export function Notice({ told, on = {}, kind = "error" }) {
  const handlers = { ...OWN, ...on };
  const actions = told.actions.filter((name) => handlers[name]);
  return html`<div class="notice ${kind}" role=${kind === "error" ? "alert" : "note"}>
    <p><strong>${told.title}</strong> ${told.text}</p>
    ${actions.length > 0 && html`<div class="row">
      ${actions.map((name) => html`<button type="button" onClick=${handlers[name]}>${NAMES[name]}</button>`)}
    </div>`}
  </div>`;
}
