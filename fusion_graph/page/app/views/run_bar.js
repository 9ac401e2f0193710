// Where a run stands, with ways to its parts and what can be done with it. It stays in sight while one reads.
import { html, useState } from "../ui.js";
import { announce } from "../announce.js";
import { clock } from "../clock.js";
import { beside, replace, setQuestion, building } from "../draft.js";
import { explain } from "../explain.js";
import { exportRun, FORMATS } from "../export.js";
import { duration } from "../format.js";
import { answerOf, ended } from "../run.js";
import { go, to } from "../router.js";
import { again, stop, usable } from "../runs.js";
import { spent } from "../so_far.js";
import { SameDrafts } from "./same_drafts.js";

export function RunBar({ live, part }) {
  const view = live.view.value;
  const over = ended(view);
  const jump = (name) => (event) => {
    event.preventDefault();
    const place = document.getElementById(part(name));
    place?.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    place?.querySelector("h3")?.focus?.({ preventScroll: true });
  };
  const link = (name, text, there) => Boolean(there) && html`<a href=${to("run", view.id ?? "new")} onClick=${jump(name)}>${text}</a>`;
  return html`<div class="run-bar">
    <p class="stage"><span class="dot ${view.status}" aria-hidden="true"></span> ${stage(view)}
      ${live.connection.value === "reconnecting" && html` <strong class="warn">The server does not answer; connecting again. The run goes on without this page.</strong>`}</p>
    <p class="figures"><${Elapsed} view=${view} /> · ${spent(view)}</p>
    <nav aria-label="Parts of the run">
      ${link("panel", "Panel", view.seats.length)} ${link("analysis", "Comparison", view.analysis)}
      ${link("answer", "Answer", answerOf(view))} ${link("sources", "Sources", view.sources.length)} ${link("receipt", "Receipt", view.receipt)}
    </nav>
    <div class="row">
      ${!over && html`<${StopButton} live=${live} />`}
      ${over && html`<${After} live=${live} view=${view} />`}
    </div>
  </div>`;
}

function stage(view) {
  if (ended(view)) return { completed: "Finished", incomplete: "Finished; the answer was cut", failed: "Failed", cancelled: "Stopped" }[view.status];
  if (view.writer.state === "working" || answerOf(view)?.text) return "The answer is being written";
  if (view.judge.state === "working") return "The judge compares the drafts";
  const done = view.seats.filter((seat) => seat.state === "done").length;
  if (view.seats.length) return `The panel works: ${done} of ${view.seats.length} seats done`;
  return view.status === "queued" ? "Waiting for its turn" : "Starting";
}

function Elapsed({ view }) {
  if (ended(view)) return html`<span>${duration(view.receipt?.seconds ?? (view.completedAt && view.createdAt ? view.completedAt - view.createdAt : null))}</span>`;
  return html`<span>${duration(Math.max(0, clock.value - view.createdAt))}</span>`;
}

function StopButton({ live }) {
  const [state, setState] = useState("");
  const press = () => {
    setState("Stopping …");
    stop(live).catch((error) => (setState(explain(error).title), announce(explain(error).title)));
  };
  return html`<button type="button" class="danger" disabled=${state === "Stopping …"} onClick=${press}>${state || "Stop"}</button>`;
}

function After({ live, view }) {
  const failed = view.status === "cancelled" ? 0 : view.seats.filter((seat) => !usable(seat)).length;
  const ownSettings = () => live.settings && replace(live.settings);
  const other = () => {
    ownSettings();
    beside.value = { id: view.id, previous: view.previous };
    setQuestion(view.question);
    building.value = true;
    go();
  };
  return html`
    ${view.id && live.background && failed > 0 && html`<button type="button" onClick=${() => (again(live), go("run", "new"))}>Ask the ${failed === 1 ? "failed seat" : `${failed} failed seats`} again</button>`}
    ${view.id && html`<button type="button" onClick=${other}>Ask another panel</button>`}
    <${SameDrafts} live=${live} view=${view} />
    ${view.id && html`<details class="menu"><summary class="button">Export</summary><div class="menu-items">
      ${Object.entries(FORMATS).map(([format, { name }]) => html`<button type="button" onClick=${() => exportRun(view, format)}>${name}</button>`)}
    </div></details>`}`;
}
