// Two runs of one question side by side.
import { html, useLayoutEffect, useRef } from "../ui.js";
import { count, duration, money } from "../format.js";
import { answerOf, ended } from "../run.js";
import { become, go, to } from "../router.js";
import { highlighted } from "../highlight.js";
import { open, started } from "../runs.js";
import { beside, setQuestion } from "../draft.js";
import { explain } from "../explain.js";
import { seatName } from "../names.js";
import { Answer } from "./answer.js";
import { OUTCOMES, PanelColumns } from "./panel_columns.js";
import { Analysis } from "./analysis.js";
import { Notice } from "./notice.js";
import { shortModel } from "../format.js";

const liveOf = (id) => (id === "new" ? started.value : open(id));

export function Compare({ ids }) {
  const pair = ids.slice(0, 2).map(liveOf);
  const fresh = pair[1]?.view.value.id;
  useLayoutEffect(() => {
    if (ids[1] === "new" && fresh) become("compare", ids[0], fresh);
  }, [ids[1], fresh]);
  if (pair.length < 2 || pair.includes(null) || pair.includes(undefined))
    return html`<${Notice} told=${{ title: "There are not two runs to compare.", text: "Open a run and choose “Ask another panel”.", actions: [] }} />`;
  const views = pair.map((live) => live.view.value);
  return html`<section class="compare" aria-label="Two panels side by side">
    <h2 class="question" dir="auto">${views[1].question || views[0].question}</h2>
    <${Figures} views=${views} />
    <div class="sides">${pair.map((live, at) => html`<${Side} key=${live.key} live=${live} name=${"AB"[at]} first=${views[0]} />`)}</div>
  </section>`;
}

function Figures({ views }) {
  const rows = [
    ["Seats", (view) => view.seats.map((seat) => seatName(seat)).join(", ") || "…"],
    ["Judge", (view) => shortModel(view.judge.model) || "…"],
    ["Writer", (view) => shortModel(view.writer.model) || "…"],
    ["Time", (view) => (ended(view) ? duration(view.receipt?.seconds ?? null) : "at work")],
    ["Tokens", (view) => (ended(view) ? count(view.usage?.total_tokens ?? null, { atLeast: view.usage?.tokens_at_least }) : "at work")],
    ["Cost", (view) => (ended(view) ? money(view.usage?.cost ?? null, { atLeast: view.usage?.cost_at_least }) : "at work")],
    ["Sources", (view) => view.sources.length],
    ["Contradictions", (view) => view.analysis?.contradictions.length ?? "–"],
  ];
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Figures of both runs"><table class="figures-table">
    <thead><tr><td></td>${views.map((view, at) => html`<th scope="col"><a href=${to("run", view.id ?? "new")}>Panel ${"AB"[at]}</a></th>`)}</tr></thead>
    <tbody>${rows.map(([name, of]) => html`<tr><th scope="row">${name}</th>${views.map((view) => html`<td>${of(view)}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

// Back to the question, to be asked again beside the first run.
function back(view, first) {
  if (view.retryOf) return go("run", view.retryOf);
  beside.value = { id: first.id, previous: first.previous };
  setQuestion(view.question);
  return go();
}

function Side({ live, name, first }) {
  const view = live.view.value;
  const failure = live.failure.value;
  const drafts = useRef(null);
  const marked = highlighted.value?.run === view.id ? highlighted.value : null;
  useLayoutEffect(() => {
    if (marked && drafts.current) drafts.current.open = true; // before the marks are brought into sight
  }, [marked]);
  const again = () => (view.id ? location.reload() : back(view, first));
  return html`<section class="side-run" aria-label=${`Panel ${name}`}>
    <h3>Panel ${name}</h3>
    ${failure && html`<${Notice} told=${explain(failure)} on=${{ again, ...(!view.id && { panel: again }) }} />`}
    <ul class="chips">${view.seats.map((seat) => html`<li key=${seat.id} class=${seat.state}>${seatName(seat)}: ${seat.state === "done" ? OUTCOMES[seat.outcome] ?? "finished" : seat.state === "working" ? "at work" : "waiting"}</li>`)}</ul>
    ${(answerOf(view) || view.writer.state === "working") && html`<${Answer} view=${view} id=${`answer-${name}`} heading=${`Answer of panel ${name}`} />`}
    ${view.analysis && html`<${Analysis} view=${view} id=${`analysis-${name}`} />`}
    ${view.seats.length > 0 && ended(view) && html`<details ref=${drafts}><summary>Drafts</summary><${PanelColumns} view=${view} folded=${false} onUnfold=${() => {}} /></details>`}
  </section>`;
}
