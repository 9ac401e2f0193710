// Which panel will be asked: the preset, and who sits at the table.
import { html } from "../ui.js";
import { building, choose, replace, settings } from "../draft.js";
import { catalog, tableOf } from "../catalog.js";
import { shortModel } from "../format.js";
import { outlook } from "../outlook.js";
import { savedPanels } from "../saved.js";
import { compact } from "../settings.js";

const SAVED = "saved:";

export function PanelBar() {
  const table = tableOf(settings.value) ?? tableOfEstimate(outlook.value.estimate);
  return html`<div class="panel-bar">
    <div class="row">
      <label>Panel <${PresetSelect} /></label>
      <button type="button" aria-expanded=${building.value} onClick=${() => (building.value = !building.value)}>
        ${building.value ? "Close the panel's settings" : "Change the panel"}</button>
    </div>
    ${table && html`<${Table} table=${table} />`}
    ${!table && catalog.value.state === "ready" && html`<p class="faint">The server chooses the best models that it finds.</p>`}
  </div>`;
}

function PresetSelect() {
  const { presets, preset } = catalog.value;
  const chosen = settings.value;
  const saved = Object.entries(savedPanels.value);
  const own = saved.find(([, kept]) => compact(kept) === compact(chosen))?.[0];
  const value = own !== undefined ? SAVED + own : chosen.panel || chosen.judge || chosen.writer ? "custom" : chosen.preset ?? "";
  const change = ({ target }) => {
    if (target.value.startsWith(SAVED)) replace(savedPanels.value[target.value.slice(SAVED.length)]);
    else if (target.value !== "custom") choose({ preset: target.value || null, panel: null, judge: null, writer: null });
  };
  const options = [["", preset ? `${preset} (default)` : "default"], ...presets.filter((one) => one.name !== preset).map((one) => [one.name, one.name])];
  return html`<select class="preset" value=${value} onChange=${change}>
    ${options.map(([id, name]) => html`<option value=${id} selected=${value === id}>${name}</option>`)}
    ${value === "custom" && html`<option value="custom" selected>own panel</option>`}
    ${saved.length > 0 && html`<optgroup label="Saved in this browser">
      ${saved.map(([name]) => html`<option value=${SAVED + name} selected=${value === SAVED + name}>${name}</option>`)}
    </optgroup>`}
  </select>`;
}

function Table({ table }) {
  return html`<dl class="table">
    <div><dt>Seats</dt><dd><ul class="chips">
      ${table.seats.map((seat) => html`<li title=${seat.model}>${seat.label || shortModel(seat.model)}${seat.role && html` <em>${seat.role}</em>`}</li>`)}
    </ul></dd></div>
    <div><dt>Judge</dt><dd title=${table.judge}>${shortModel(table.judge)}</dd></div>
    <div><dt>Writer</dt><dd title=${table.writer}>${shortModel(table.writer)}</dd></div>
  </dl>`;
}

function tableOfEstimate(estimate) {
  const parts = estimate?.parts ?? [];
  const seats = parts.filter((one) => !["judge", "writer", "caller"].includes(one.part));
  if (!seats.length) return null;
  const model = (...names) => parts.find((one) => names.includes(one.part))?.model ?? seats[0].model;
  return { seats: seats.map((one) => ({ model: one.model })), judge: model("judge", "writer", "caller"), writer: model("writer", "caller") };
}
