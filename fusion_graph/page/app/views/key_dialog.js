// Where a person enters the API key.
import { html, useEffect, useRef, useState } from "../ui.js";
import { apiKey, keyAsked, keyRemembered, setKey } from "../key.js";
import { loadCatalog } from "../catalog.js";
import { route } from "../router.js";
import { refreshList } from "../run_list.js";

export function KeyDialog() {
  const dialog = useRef(null);
  const open = keyAsked.value !== null;
  useEffect(() => {
    if (open && !dialog.current.open) dialog.current.showModal();
    if (!open && dialog.current.open) dialog.current.close();
  }, [open]);
  return html`<dialog ref=${dialog} aria-labelledby="key-title" onClose=${() => (keyAsked.value = null)}>
    ${open && html`<${KeyForm} reason=${keyAsked.value} />`}
  </dialog>`;
}

function KeyForm({ reason }) {
  const [remember, setRemember] = useState(keyRemembered.value);
  const field = useRef(null);
  const save = (event) => {
    event.preventDefault();
    setKey(field.current.value.trim(), remember);
    if (route.value.name !== "new" && !route.value.rest.includes("new")) return location.reload(); // another key, other runs
    loadCatalog();
    return refreshList();
  };
  return html`<form onSubmit=${save}>
    <h2 id="key-title">API key</h2>
    <p>${reason || "A key of this server, made with fusion keys add. It is sent to this server alone."}</p>
    <label>Key <input ref=${field} type="password" autocomplete="off" spellcheck="false" value=${apiKey.value ?? ""} placeholder="fg-…" /></label>
    <label class="check"><input type="checkbox" checked=${remember} onChange=${(event) => setRemember(event.target.checked)} />
      Keep it in this browser; otherwise until this tab is closed</label>
    <div class="row">
      <button class="primary">Use this key</button>
      ${apiKey.value && html`<button type="button" onClick=${() => setKey(null, false)}>Forget the key</button>`}
      <button type="button" class="quiet" onClick=${() => (keyAsked.value = null)}>Close</button>
    </div>
  </form>`;
}
