// The receipt: who did what, for how long, at what cost; and the run on one time axis.
import { html } from "../ui.js";
import { degradation } from "../explain.js";
import { count, duration, money, plural } from "../format.js";
import { partsOf } from "../receipt_parts.js";
import { OUTCOMES } from "./panel_columns.js";
import { Timeline } from "./timeline.js";

export function Receipt({ receipt, id }) {
  const parts = partsOf(receipt);
  const total = receipt.totals;
  return html`<section class="receipt" id=${id} aria-label="Receipt">
    <h3>Receipt</h3>
    <${Timeline} parts=${parts} seconds=${receipt.seconds} />
    <div class="scroll" tabindex="0" role="region" aria-label="Receipt table"><table>
      <thead><tr><th scope="col">Part</th><th scope="col">Model</th><th scope="col">Outcome</th><th scope="col" class="num">Time</th>
        <th scope="col" class="num">Calls</th><th scope="col" class="num">Tools</th><th scope="col" class="num">Tokens in</th><th scope="col" class="num">Tokens out</th>
        <th scope="col" class="num">Cost</th><th scope="col" class="num">Search fees</th></tr></thead>
      <tbody>${parts.map((part) => html`<${Row} key=${part.id} part=${part} />`)}</tbody>
      <tfoot><tr><th scope="row" colspan="3">Together</th><td class="num">${duration(receipt.seconds)}</td><td class="num">${count(total.calls)}</td>
        <td class="num">${count(total.tool_calls)}</td><${Usage} usage=${total.usage} /></tr></tfoot>
    </table></div>
    <${Notes} receipt=${receipt} parts=${parts} />
  </section>`;
}

function Row({ part }) {
  const other = part.served && part.served !== part.model ? html`<br /><span class="faint">answered by ${part.served}</span>` : null;
  return html`<tr><th scope="row">${part.name}</th><td>${part.model ?? ""}${other}</td><td>${OUTCOMES[part.outcome] ?? part.outcome ?? ""}</td>
    <td class="num">${part.seconds === null ? "" : duration(part.seconds)}</td><td class="num">${count(part.calls)}</td><td class="num">${count(part.toolCalls)}</td>
    <${Usage} usage=${part.usage} free=${!part.calls} /></tr>`;
}

function Usage({ usage, free = false }) {
  const number = (value) => html`<td class="num">${free && value === null ? "–" : count(value, { atLeast: usage.tokens_at_least && value !== null })}</td>`;
  const dollars = (value, atLeast) => html`<td class="num">${free && value === null ? "–" : money(value, { atLeast: atLeast && value !== null })}</td>`;
  return html`${number(usage.input_tokens)}${number(usage.output_tokens)}${dollars(usage.cost_usd, usage.cost_at_least)}${dollars(usage.fees_usd, usage.fees_at_least)}`;
}

function Notes({ receipt, parts }) {
  const name = (id) => parts.find((part) => part.id === id)?.name ?? id;
  const { limits, degraded, kinship, edits, chosen, shown_order: shown, blind, citations } = receipt;
  const kin = [...new Set(kinship.map((one) => `${name(one.part)} and ${name(one.seat_id)} are both of the family ${one.family}`))];
  const notes = [
    chosen && `Models: ${chosen}.`,
    limits?.max_cost_usd && `Cap ${money(limits.max_cost_usd)}; ${money(limits.counted_usd)} counted against it.`,
    limits?.max_total_tokens && `Cap ${count(limits.max_total_tokens)} tokens; ${count(limits.counted_tokens)} counted against it.`,
    limits?.unpriced?.length && `The cap could not be enforced for ${limits.unpriced.join(", ")}: their price is not known.`,
    blind && shown.length > 0 && `Judge and writer saw the drafts without names, in the order ${shown.map((one) => `${one.label} = ${name(one.seat_id)}`).join(", ")}.`,
    kin.length && `Kinship: ${kin.join("; ")}.`,
    citations && `The answer makes ${plural(citations.citations, "citation")}${citations.unregistered.length ? `; ${citations.unregistered.length} of them name no source that was found` : ""}.`,
    edits?.length && `A person changed ${plural(edits.length, "part")} of it.`,
    degraded.length && `Lost on the way: ${degraded.map((one) => degradation(one, name)).join("; ")}.`,
  ].filter(Boolean);
  return notes.length ? html`<ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>` : null;
}
