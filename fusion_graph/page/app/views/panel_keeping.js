// Keep a panel by name in this browser, or hand it on as a link.
import { html, useState } from "../ui.js";
import { replace, settings } from "../draft.js";
import { announce } from "../announce.js";
import { forgetPanel, savedPanels, savePanel } from "../saved.js";
import { compact } from "../settings.js";
import { linkOf } from "../share.js";

export function PanelKeeping() {
  const [name, setName] = useState("");
  const [told, setTold] = useState("");
  const [link, setLink] = useState(null);
  const own = Object.entries(savedPanels.value).find(([, kept]) => compact(kept) === compact(settings.value))?.[0];
  const say = (text) => (setTold(text), announce(text));
  const save = (event) => {
    event.preventDefault();
    const kept = savePanel(name.trim(), settings.value);
    say(kept ? `Saved as ${name.trim()}.` : "This browser keeps nothing; use the link instead.");
    setName("");
  };
  const share = async () => {
    const made = linkOf(settings.value);
    setLink(made);
    const copied = await navigator.clipboard?.writeText(made).then(() => true, () => false);
    say(copied ? "The link is copied. It holds the panel's settings and no key." : "Copy the link below. It holds the panel's settings and no key.");
  };
  return html`<div class="keeping">
    <form class="row" onSubmit=${save}>
      <label>Save this panel as <input value=${name} maxlength="60" required onInput=${(event) => setName(event.target.value)} /></label>
      <button disabled=${!name.trim()}>Save</button>
      ${own !== undefined && html`<button type="button" onClick=${() => (forgetPanel(own), say(`${own} is forgotten.`))}>Forget “${own}”</button>`}
    </form>
    <div class="row">
      <button type="button" onClick=${share}>Share as a link</button>
      <button type="button" class="quiet" onClick=${() => (replace({}), say("The panel is the default again."))}>Back to the default</button>
    </div>
    ${told && html`<p class="faint">${told}</p>`}
    ${link && html`<label>Link <input class="link" readonly value=${link} onFocus=${(event) => event.target.select()} /></label>`}
  </div>`;
}
