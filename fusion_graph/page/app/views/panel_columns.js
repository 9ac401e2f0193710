// One column per seat: its text as it comes, its searches, what it used, how it ended.
import { html, memo, useEffect, useLayoutEffect, useRef } from "../ui.js";
import { clock } from "../clock.js";
import { clear, highlighted } from "../highlight.js";
import { count, duration, shortModel } from "../format.js";
import { bestPassage } from "../passages.js";
import { ended } from "../run.js";
import { dollars, usedBy } from "../so_far.js";
import { GrowingText } from "./growing_text.js";
import { ToolLine } from "./tool_line.js";

export const OUTCOMES = {
  ok: "finished",
  truncated: "finished, cut at its output limit",
  failed: "failed",
  refused: "refused",
  timed_out: "timed out",
  empty: "wrote nothing",
  cancelled: "stopped",
};

export function PanelColumns({ view, folded, onUnfold }) {
  const place = useRef(null);
  const marked = highlighted.value?.run === view.id ? highlighted.value : null;
  useEffect(() => {
    if (marked && folded) onUnfold();
    if (marked) bringIntoSight(place.current);
  }, [marked]);
  return html`<div class="drafts" ref=${place} tabindex="-1">
    ${marked && html`<p class="marked-note" role="status">Marked: ${marked.text} <button type="button" class="small" onClick=${clear}>Clear the marks</button></p>`}
    <div class="columns seats-${view.seats.length} ${folded ? "folded" : ""}">${view.seats.map((seat) => html`<${Column} key=${seat.id} seat=${seat} createdAt=${view.createdAt} over=${ended(view)} folded=${folded}
      marked=${marked?.seats.includes(seat.id) ? marked : null} run=${view.id} />`)}</div>
  </div>`;
}

// On a phone the columns stand in a row that scrolls sideways, so that the first marked one may be out of sight.
function bringIntoSight(drafts) {
  drafts.scrollIntoView({ block: "start" });
  const first = drafts.querySelector(".column.marked");
  if (first) first.parentElement.scrollLeft += first.getBoundingClientRect().left - first.parentElement.getBoundingClientRect().left;
}

const Column = memo(function Seat({ seat, createdAt, over, folded, marked, run }) {
  const state = seat.state === "done" ? seat.outcome ?? "ok" : seat.state;
  const title = `seat-${run}-${seat.id}`;
  return html`<section class="column ${state} ${marked ? "marked" : ""}" aria-labelledby=${title} data-seat=${seat.id}>
    <header>
      <h4 id=${title} title=${seat.model}>${seat.label === seat.model ? shortModel(seat.model) : seat.label}${seat.role && html` <span class="role">${seat.role}</span>`}</h4>
      <p class="figures"><${State} seat=${seat} /> · <${Time} seat=${seat} createdAt=${createdAt} over=${over} /> · <${Used} seat=${seat} over=${over} /></p>
    </header>
    ${!folded && html`<${Body} seat=${seat} marked=${marked} />`}
  </section>`;
});

function Body({ seat, marked }) {
  const box = useRef(null);
  const wanted = useRef(null);
  wanted.current = marked?.text;
  const markAgain = useRef(() => mark(box.current, wanted.current)); // a draft that was folded is drawn a moment later
  useLayoutEffect(() => mark(box.current, marked?.text), [marked, seat.draft]);
  const draft = seat.draft;
  return html`<div class="body" ref=${box} data-scroller tabindex="0" role="group" aria-label=${`Draft of ${seat.label}`}>
    ${seat.tools.length > 0 && html`<ul class="tools" aria-label="Searches and pages">${seat.tools.map((tool) => html`<${ToolLine} key=${tool.id} tool=${tool} />`)}</ul>`}
    ${seat.error && html`<p class="seat-error"><strong>${OUTCOMES[seat.outcome] ?? seat.outcome}</strong>${seat.statusCode ? ` (${seat.statusCode})` : ""}: ${seat.error}</p>`}
    <${GrowingText} text=${draft ?? seat.text} done=${seat.state === "done"} whole=${markAgain.current} />
    ${!draft && !seat.text && seat.state === "working" && html`<p class="faint">${seat.thinking ? "Thinking …" : "Waiting for the first word …"}</p>`}
  </div>`;
}

function mark(box, text) {
  if (!box) return;
  for (const old of box.querySelectorAll(".hit")) old.classList.remove("hit");
  const passage = text ? bestPassage(box, text) : null;
  if (!passage) return;
  passage.classList.add("hit");
  box.scrollTop += passage.getBoundingClientRect().top - box.getBoundingClientRect().top - 24;
}

function State({ seat }) {
  const told = seat.state === "done" ? OUTCOMES[seat.outcome] ?? seat.outcome : seat.state === "working" ? "at work" : "waiting";
  return html`<span class="state">${told}</span>`;
}

function Time({ seat, createdAt, over }) {
  if (seat.seconds !== null) return duration(seat.seconds);
  return over || seat.state === "waiting" ? "–" : duration(Math.max(0, clock.value - createdAt));
}

function Used({ seat }) {
  const { tokens, cost, about, tokensAtLeast, costAtLeast } = usedBy(seat);
  if (!seat.usage && !tokens) return "nothing yet";
  return `${count(tokens, { about, atLeast: tokensAtLeast })} tokens · ${dollars(cost, { about, atLeast: costAtLeast })}`;
}
