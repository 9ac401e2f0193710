// The form in which a panel is built: seats, judge and writer, tools, limits; saved by name, shared as a link.
import { html, useState } from "../ui.js";
import { choose, settings } from "../draft.js";
import { catalog, presetNamed, tableOf } from "../catalog.js";
import { ENGINES, LIMITS, MAX_SEATS, MODES, TOOLS } from "../settings.js";
import { announce } from "../announce.js";
import { ModelPicker } from "./model_picker.js";
import { PanelKeeping } from "./panel_keeping.js";
import { SeatRow } from "./seat_row.js";

export function PanelBuilder() {
  const chosen = settings.value;
  const table = tableOf(chosen);
  const preset = presetNamed(chosen.preset ?? catalog.value.preset);
  return html`<section class="builder card" aria-label="Panel settings">
    ${preset?.description && html`<p class="faint">${preset.description}</p>`}
    <${Seats} seats=${table?.seats ?? []} />
    <div class="pair">
      <${ModelPicker} label="Judge" value=${chosen.judge ?? table?.judge ?? null} onChange=${(judge) => choose({ judge, writer: chosen.writer ?? table?.writer ?? null })} />
      <${ModelPicker} label="Writer" value=${chosen.writer ?? table?.writer ?? null} onChange=${(writer) => choose({ writer })} />
    </div>
    <fieldset><legend>How it answers</legend>
      ${Object.entries(MODES).map(([mode, told]) => html`<label class="check"><input type="radio" name="mode" checked=${chosen.mode === mode}
        onChange=${() => choose({ mode })} /> ${told}</label>`)}
    </fieldset>
    <${Tools} chosen=${chosen} />
    <fieldset class="limits"><legend>Limits</legend>
      ${LIMITS.map((limit) => html`<${Limit} key=${limit.name} limit=${limit} value=${chosen[limit.name]} />`)}
    </fieldset>
    <${PanelKeeping} />
  </section>`;
}

function Seats({ seats }) {
  const set = (panel) => choose({ panel });
  const change = (at, facts) => set(seats.map((seat, n) => (n === at ? { ...seat, ...facts } : seat)));
  const move = (at, by) => {
    const moved = [...seats];
    moved.splice(at + by, 0, ...moved.splice(at, 1));
    set(moved);
    announce(`Seat ${at + 1} is now seat ${at + by + 1}.`);
  };
  const add = () => {
    const model = seats.at(-1)?.model ?? catalog.value.models[0]?.id ?? "";
    set([...seats, { model, role: null, label: null }]);
    announce(`Seat ${seats.length + 1} added.`);
  };
  return html`<fieldset class="seats"><legend>Seats (1 to ${MAX_SEATS}; the same model twice is fine)</legend>
    ${!seats.length && html`<p class="faint">The server chooses the models. Add a seat to choose them yourself.</p>`}
    <ol>${seats.map((seat, at) => html`<${SeatRow} key=${at} at=${at} seat=${seat} last=${seats.length - 1}
      onChange=${(facts) => change(at, facts)} onMove=${(by) => move(at, by)}
      onRemove=${() => (set(seats.filter((_, n) => n !== at)), announce(`Seat ${at + 1} removed.`))} />`)}</ol>
    <button type="button" disabled=${seats.length >= MAX_SEATS} onClick=${add}>Add a seat</button>
  </fieldset>`;
}

function Tools({ chosen }) {
  const used = chosen.tools ?? Object.keys(TOOLS);
  const toggle = (name, on) => {
    const tools = Object.keys(TOOLS).filter((one) => (one === name ? on : used.includes(one)));
    choose({ tools: tools.length === Object.keys(TOOLS).length ? null : tools });
  };
  return html`<fieldset><legend>Tools of panel and judge</legend>
    ${Object.entries(TOOLS).map(([name, told]) => html`<label class="check"><input type="checkbox" checked=${used.includes(name)}
      onChange=${(event) => toggle(name, event.target.checked)} /> ${told}</label>`)}
    <label>Search engine <select value=${chosen.engine ?? ""} onChange=${(event) => choose({ engine: event.target.value || null })}>
      <option value="" selected=${!chosen.engine}>as the server says</option>
      ${ENGINES.map((name) => html`<option value=${name} selected=${chosen.engine === name}>${name}</option>`)}
    </select></label>
  </fieldset>`;
}

function Limit({ limit, value }) {
  const [refused, setRefused] = useState(null); // it stays in sight until it is put right
  const change = ({ target }) => {
    const number = target.value === "" ? null : Number(target.value);
    const holds = target.checkValidity();
    setRefused(holds ? null : target.value);
    if (holds) choose({ [limit.name]: number });
    else target.reportValidity();
  };
  return html`<label>${limit.label}
    <input type="number" min=${limit.min} max=${limit.max} step=${limit.step} value=${refused ?? value ?? ""} placeholder="none" inputmode="decimal" onChange=${change} />
  </label>`;
}
