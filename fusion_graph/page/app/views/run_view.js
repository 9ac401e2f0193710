// One run from question to receipt, in the order in which it happens, so that nothing moves while it is read.
import { html, useEffect, useRef, useState } from "../ui.js";
import { answerOf, ended } from "../run.js";
import { explain, explainFailed, cap, capped } from "../explain.js";
import { again, ask } from "../runs.js";
import { go } from "../router.js";
import { building, setQuestion, settings } from "../draft.js";
import { Analysis } from "./analysis.js";
import { Answer } from "./answer.js";
import { Notice } from "./notice.js";
import { PanelColumns } from "./panel_columns.js";
import { Receipt } from "./receipt.js";
import { RunBar } from "./run_bar.js";
import { Sources } from "./sources.js";
import { offline } from "./offline.js";

export function RunView({ live }) {
  const view = live.view.value;
  const failure = live.failure.value;
  const title = useRef(null);
  useEffect(() => {
    if (view.status !== "starting") return;
    title.current.scrollIntoView({ block: "start" });
    title.current.focus({ preventScroll: true });
  }, []);
  const part = (name) => `${name}-${view.id ?? "new"}`;
  return html`<article class="run" aria-label="Run">
    <h2 class="question" dir="auto" id=${part("question")} ref=${title} tabindex="-1">${view.question || "…"}</h2>
    ${view.retryOf && html`<p class="faint">Another try of an earlier run; finished drafts are kept.</p>`}
    ${!(failure && view.status === "starting") && html`<${RunBar} live=${live} part=${part} />`}
    <${Trouble} live=${live} view=${view} failure=${failure} />
    ${view.receipt?.deliberated === false && html`<p class="faint">The model answered without asking the panel.</p>`}
    ${view.receipt?.notice && html`<p class="notice hint" role="note">${view.receipt.notice}</p>`}
    ${view.seats.length > 0 && html`<${Panel} live=${live} view=${view} id=${part("panel")} />`}
    ${(view.judge.state !== "none" || view.analysis) && html`<${Analysis} view=${view} id=${part("analysis")} />`}
    ${(answerOf(view) || view.writer.state === "working") && !compareOnly(live, view) && html`<${Answer} view=${view} id=${part("answer")} />`}
    ${view.sources.length > 0 && html`<${Sources} view=${view} id=${part("sources")} />`}
    ${view.receipt && html`<${Receipt} receipt=${view.receipt} id=${part("receipt")} />`}
  </article>`;
}

const compareOnly = (live, view) => view.fusion?.mode === "analyze" || (live.settings?.mode === "analyze" && !view.fusion);

// A finished run that is opened again shows its answer first to the eye: the drafts are folded.
function Panel({ live, view, id }) {
  const [opened, setOpened] = useState(live.fresh || !ended(view) || view.status === "failed");
  return html`<section id=${id} class="panel" aria-label="Panel" >
    <div class="row heading"><h3>Panel</h3>
      <button type="button" class="small quiet" aria-expanded=${opened} onClick=${() => setOpened(!opened)}>${opened ? "Hide the drafts" : "Show the drafts"}</button></div>
    <${PanelColumns} view=${view} folded=${!opened} onUnfold=${() => setOpened(true)} />
  </section>`;
}

function Trouble({ live, view, failure }) {
  const change = () => {
    setQuestion(view.question);
    building.value = true;
    go();
  };
  const unborn = failure && !view.id;
  useEffect(() => {
    if (unborn && !view.retryOf) setQuestion(view.question); // it was taken out of the box when it was sent
  }, [unborn]);
  const askAgain = () => {
    setQuestion("");
    ask(live.settings ?? settings.value, view.question, view.previous);
    go("run", "new");
  };
  const retry = () => (go("run", "new"), again(live));
  const on = {
    panel: change,
    offline: () => (offline(view.question), go()),
    again: () => {
      if (view.id) location.reload();
      else if (view.retryOf) go("run", view.retryOf);
      else if (view.previous) askAgain();
      else change();
    },
    ...(view.id && view.seats.length && live.background && { retry, resume: retry }),
  };
  if (failure && !ended(view)) return html`<${Notice} told=${explain(failure)} on=${on} />`;
  if (view.status === "failed") return html`<${Notice} told=${explainFailed(view)} on=${on} />`;
  if (view.status === "cancelled") return html`<${Notice} kind="hint" told=${stoppedText(view, on)} on=${on} />`;
  if (ended(view) && capped(view)) return html`<${Notice} kind="hint" told=${cap(view)} on=${on} />`;
  return null;
}

const stoppedText = (view, on) => ({
  title: "The run was stopped.",
  text: view.receipt ? "The receipt below says what was spent." : view.usage ? "Its figures are those of the seats that had ended: what the others had taken nobody told." : "What was written until then is below. Nobody told what it took.",
  actions: on.retry ? ["resume"] : [],
});
