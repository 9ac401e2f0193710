// All sources of a run, with who found each and whether the answer cites it.
import { html } from "../ui.js";
import { citedIn, numbersOf } from "../citations.js";
import { seatNames } from "../names.js";
import { answerOf } from "../run.js";
import { SourceLink } from "./tool_line.js";

export function Sources({ view, id }) {
  const numbers = numbersOf(view.sources);
  const cited = citedIn(answerOf(view)?.text ?? "");
  const many = view.sources.length > 12;
  const check = view.receipt?.citations;
  return html`<section class="sources" id=${id} aria-label="Sources">
    <h3>Sources</h3>
    ${check?.unregistered?.length > 0 && html`<p class="faint">The answer names ${check.unregistered.length} that no tool returned; they are not sources.</p>`}
    <details open=${!many}><summary>${view.sources.length} found, ${view.sources.filter((one) => cited.has(one.id)).length} cited</summary>
      <ol>${view.sources.map((source) => html`<li key=${source.id} value=${numbers.get(source.id)} class=${cited.has(source.id) ? "cited" : ""}>
        <${SourceLink} source=${source} /> ${source.seat_ids?.length > 0 && html`<span class="faint"> – found by ${seatNames(view, source.seat_ids)}</span>`}
      </li>`)}</ol></details>
  </section>`;
}
