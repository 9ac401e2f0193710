// What the judge found, in five sections, one at a time; any item leads to the drafts it came from.
import { html, useRef, useState } from "../ui.js";
import { shortModel } from "../format.js";
import { show } from "../highlight.js";
import { Contradictions } from "./contradictions.js";
import { Coverage } from "./coverage.js";
import { ToolLine } from "./tool_line.js";
import { seatNames } from "../names.js";

const SECTIONS = [
  ["consensus", "Consensus", "Points that all or most drafts make."],
  ["contradictions", "Contradictions", "Topics on which drafts disagree."],
  ["partial_coverage", "Partial coverage", "Points that some drafts make and others leave out."],
  ["unique_insights", "Unique insights", "Points that a single draft makes."],
  ["blind_spots", "Blind spots", "What the question needs and no draft covers."],
];
const STATES = { none: "", waiting: "waits for the drafts", working: "compares the drafts …", done: "", failed: "failed", cancelled: "stopped", unreached: "was not asked" };

export function Analysis({ view, id }) {
  const { judge, analysis } = view;
  return html`<section class="analysis" id=${id} aria-label="Comparison">
    <div class="row heading"><h3>Comparison</h3><span class="faint">${judge.model ? shortModel(judge.model) : "judge"} ${STATES[judge.state]}</span></div>
    ${judge.tools.length > 0 && !analysis && html`<ul class="tools">${judge.tools.map((tool) => html`<${ToolLine} key=${tool.id} tool=${tool} />`)}</ul>`}
    ${judge.state === "failed" && html`<p class="faint">There is no comparison: ${reason(judge.reason)}. The writer worked from the drafts alone.</p>`}
    ${analysis && html`<${Sections} view=${view} analysis=${analysis} />`}
  </section>`;
}

const REASONS = {
  judge_upstream_error: "the judge's provider failed",
  judge_empty_completion: "the judge wrote nothing",
  judge_not_valid_json: "the judge wrote no valid comparison",
  judge_schema_mismatch: "the judge's comparison had the wrong form",
};
const reason = (code) => REASONS[code] ?? code ?? "the judge failed";

function Sections({ view, analysis }) {
  const first = analysis.contradictions.length ? "contradictions" : "consensus";
  const [chosen, setChosen] = useState(first);
  const tabs = useRef(null);
  const key = (event) => {
    const at = SECTIONS.findIndex(([name]) => name === chosen);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: SECTIONS.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const name = SECTIONS[(next + SECTIONS.length) % SECTIONS.length][0];
    setChosen(name);
    tabs.current.querySelector(`[data-tab=${name}]`).focus();
  };
  const [, title, told] = SECTIONS.find(([name]) => name === chosen);
  return html`
    <div class="tabs" role="tablist" aria-label="Sections of the comparison" ref=${tabs} onKeyDown=${key}>
      ${SECTIONS.map(([name, label]) => html`<button type="button" role="tab" key=${name} data-tab=${name} id=${`tab-${view.id}-${name}`} aria-controls=${`tabpanel-${view.id}`}
        aria-selected=${String(name === chosen)} tabindex=${name === chosen ? 0 : -1} onClick=${() => setChosen(name)}>
        ${label} <span class="number">${analysis[name].length}</span></button>`)}
    </div>
    <div role="tabpanel" id=${`tabpanel-${view.id}`} aria-labelledby=${`tab-${view.id}-${chosen}`} tabindex="0" class="tab-panel">
      <p class="faint">${told}</p>
      ${analysis[chosen].length ? html`<${Section} name=${chosen} view=${view} analysis=${analysis} title=${title} />` : html`<p>None.</p>`}
    </div>`;
}

function Section({ name, view, analysis }) {
  if (name === "contradictions") return html`<${Contradictions} view=${view} items=${analysis.contradictions} />`;
  if (name === "partial_coverage") return html`<${Coverage} view=${view} items=${analysis.partial_coverage} />`;
  if (name === "blind_spots") return html`<ul class="items">${analysis.blind_spots.map((text) => html`<li><span dir="auto">${text}</span></li>`)}</ul>`;
  if (name === "unique_insights")
    return html`<ul class="items">${analysis.unique_insights.map((one) => html`<${Item} view=${view} text=${one.insight} seats=${[one.seat_id]} />`)}</ul>`;
  return html`<ul class="items">${analysis.consensus.map((text, at) => html`<${Item} view=${view} text=${text} seats=${analysis.consensus_support?.[at]?.seat_ids ?? []} />`)}</ul>`;
}

function Item({ view, text, seats, label = null }) {
  if (!seats.length) return html`<li><span dir="auto">${text}</span></li>`;
  return html`<li><button type="button" class="item" onClick=${() => show(view.id, seats, text)}>
    <span dir="auto">${text}</span> <span class="from">${label ?? seatNames(view, seats)}<span class="unseen">: show where the drafts say it</span></span></button></li>`;
}
