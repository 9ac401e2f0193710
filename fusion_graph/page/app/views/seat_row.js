// One seat of the panel's form.
import { html } from "../ui.js";
import { ModelPicker } from "./model_picker.js";

export function SeatRow({ at, seat, last, onChange, onMove, onRemove }) {
  const name = `seat ${at + 1}`;
  return html`<li class="seat-row">
    <${ModelPicker} label=${`Model of ${name}`} value=${seat.model} onChange=${(model) => model && onChange({ model, label: null })} required />
    <label>Role <span class="unseen">of ${name}</span>
      <input value=${seat.role ?? ""} maxlength="200" placeholder="none; such as sceptic" onChange=${(event) => onChange({ role: event.target.value.trim() || null })} /></label>
    <div class="row">
      <button type="button" class="small" disabled=${at === 0} onClick=${() => onMove(-1)} aria-label=${`Move ${name} up`}>↑</button>
      <button type="button" class="small" disabled=${at === last} onClick=${() => onMove(1)} aria-label=${`Move ${name} down`}>↓</button>
      <button type="button" class="small" disabled=${last === 0} onClick=${onRemove} aria-label=${`Remove ${name}`}>Remove</button>
    </div>
  </li>`;
}
