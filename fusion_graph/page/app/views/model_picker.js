// A model out of those the server offers, with price and context size; or any other name.
import { html, useState } from "../ui.js";
import { catalog } from "../catalog.js";
import { short, UNKNOWN } from "../format.js";

const OTHER = "\u0000other";

export function ModelPicker({ label, value, onChange, required = false }) {
  const { models, presets } = catalog.value;
  const [typing, setTyping] = useState(false);
  const offline = presets.flatMap((preset) => [...(preset.panel ?? []).map((seat) => seat.model), preset.judge, preset.writer]);
  const extra = [...new Set(offline.filter((name) => name?.startsWith("offline:")))].map((id) => ({ id, input: 0, output: 0, window: null }));
  const all = [...models, ...extra];
  const listed = !value || all.some((model) => model.id === value);
  const choose = ({ target }) => {
    setTyping(target.value === OTHER);
    if (target.value !== OTHER) onChange(target.value || null);
  };
  return html`<div class="model-picker">
    <label>${label}
      <select value=${typing ? OTHER : value ?? ""} onChange=${choose}>
        ${!required && html`<option value="" selected=${!value && !typing}>as the preset says</option>`}
        ${!listed && html`<option value=${value} selected=${!typing}>${value}</option>`}
        ${all.map((model) => html`<option value=${model.id} selected=${!typing && model.id === value}>${model.id} — ${facts(model)}</option>`)}
        <option value=${OTHER} selected=${typing}>another model …</option>
      </select></label>
    ${typing && html`<label>Name of the model
      <input placeholder="author/model or provider:model" autocapitalize="off" spellcheck="false"
        onChange=${(event) => event.target.value.trim() && (onChange(event.target.value.trim()), setTyping(false))} /></label>`}
  </div>`;
}

function facts(model) {
  if (model.id.startsWith("offline:")) return "no language model, free";
  const price = model.input === null || model.output === null ? `price ${UNKNOWN}` : `$${trim(model.input)} in, $${trim(model.output)} out per M`;
  return `${price}, ${model.window ? `${short(model.window)} context` : `context ${UNKNOWN}`}`;
}

const trim = (dollars) => String(+dollars.toPrecision(3));
