// Expected cost and time, before anything is asked.
import { html, useEffect } from "../ui.js";
import { building, settings } from "../draft.js";
import { apiKey } from "../key.js";
import { explain } from "../explain.js";
import { duration, money, range } from "../format.js";
import { forecast, outlook } from "../outlook.js";
import { expectedTime } from "../times.js";
import { offline } from "./offline.js";
import { Notice } from "./notice.js";

const SIZE = 400; // characters

export function OutlookLine({ question, previous = null }) {
  const chosen = settings.value;
  const size = Math.ceil(question.length / SIZE); // a few words more change nothing, and every estimate is a request
  useEffect(() => forecast(chosen, question, previous), [chosen, size, previous, apiKey.value]);
  const { estimate, error } = outlook.value;
  if (error) {
    const on = { offline: () => offline(), panel: () => (building.value = true), again: () => forecast(chosen, question, previous) };
    return html`<${Notice} told=${explain(error)} on=${on} />`;
  }
  return html`<div class="outlook" aria-live="off">
    <p><span class="label">Expected cost</span> ${estimate ? cost(estimate) : "…"}</p>
    <p><span class="label">Expected time</span> ${time(chosen)}</p>
    ${estimate && html`<details><summary>How this is reckoned</summary><p>${estimate.assumed}</p>
      ${estimate.chosen && html`<p>Chosen: ${estimate.chosen}.</p>`}</details>`}
  </div>`;
}

function cost(estimate) {
  const { cost_usd: dollars, unpriced, unbilled, fees_known: fees } = estimate;
  const notes = [
    unpriced.length && (unpriced.length === 1 ? `the price of ${unpriced[0]} is not known` : `the prices of ${unpriced.length} models are not known`),
    unbilled.length && !dollars && "nobody sends a bill for these models",
    !fees && "search fees not known",
  ].filter(Boolean);
  const sum = dollars ? range(dollars.low, dollars.high) : unbilled.length && !unpriced.length ? money(0) : "unknown";
  return `${sum}${notes.length ? ` (${notes.join("; ")})` : ""}`;
}

function time(chosen) {
  const found = expectedTime(chosen);
  if (!found) return `not known before a first run; a seat may take up to ${duration(chosen.seat_timeout ?? 600)}`;
  const [low, high] = [duration(found.low), duration(found.high)];
  const span = low === high ? low : `${low} – ${high}`;
  return `${span} (your last ${found.runs === 1 ? "run" : `${found.runs} runs`} with this panel)`;
}
