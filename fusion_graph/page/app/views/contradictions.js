// Contested topics as a table: a row per topic, each seat's stance side by side.
import { html } from "../ui.js";
import { show } from "../highlight.js";
import { nameOf } from "../names.js";

export function Contradictions({ view, items }) {
  const seats = [...new Set(items.flatMap((item) => item.stances.map((one) => one.seat_id)))];
  const order = [...view.seats.map((seat) => seat.id).filter((id) => seats.includes(id)), ...seats.filter((id) => !view.seats.some((seat) => seat.id === id))];
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Contradictions"><table class="stances">
    <thead><tr><th scope="col">Topic</th>${order.map((id) => html`<th scope="col" key=${id}>${nameOf(view, id)}</th>`)}</tr></thead>
    <tbody>${items.map((item) => html`<tr>
      <th scope="row" dir="auto">${item.topic}</th>
      ${order.map((id) => html`<td key=${id}><${Stances} view=${view} id=${id} stances=${item.stances.filter((one) => one.seat_id === id)} /></td>`)}
    </tr>`)}</tbody>
  </table></div>`;
}

function Stances({ view, id, stances }) {
  if (!stances.length) return html`<span class="faint">no stance</span>`;
  return stances.map((one) => html`<button type="button" class="item" dir="auto" onClick=${() => show(view.id, [id], one.stance)}>${one.stance}</button>`);
}
