// Which seat makes which point: a matrix.
import { html } from "../ui.js";
import { show } from "../highlight.js";
import { seatName } from "../names.js";

export function Coverage({ view, items }) {
  const seats = view.seats.filter((seat) => seat.state !== "done" || ["ok", "truncated"].includes(seat.outcome));
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Partial coverage"><table class="matrix">
    <thead><tr><th scope="col">Point</th>${seats.map((seat) => html`<th scope="col" key=${seat.id}>${seatName(seat)}</th>`)}</tr></thead>
    <tbody>${items.map((item) => html`<tr>
      <th scope="row"><button type="button" class="item" dir="auto" onClick=${() => show(view.id, item.seat_ids, item.point)}>${item.point}</button></th>
      ${seats.map((seat) => html`<td key=${seat.id}>${item.seat_ids.includes(seat.id)
        ? html`<span class="yes" aria-hidden="true">●</span><span class="unseen">makes it</span>`
        : html`<span class="no" aria-hidden="true">–</span><span class="unseen">leaves it out</span>`}</td>`)}
    </tr>`)}</tbody>
  </table></div>`;
}
