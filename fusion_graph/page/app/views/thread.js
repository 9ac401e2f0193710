// A run with the turns before it, and a box for the next one.
import { html, useEffect, useLayoutEffect, useState } from "../ui.js";
import { answerOf, ended } from "../run.js";
import { become, to } from "../router.js";
import { ask, open, started } from "../runs.js";
import { settings } from "../draft.js";
import { explain } from "../explain.js";
import { AskBox } from "./ask_box.js";
import { MarkdownText } from "./markdown_text.js";
import { Notice } from "./notice.js";
import { RunView } from "./run_view.js";

const liveOf = (id) => (id === "new" ? started.value : id ? open(id) : null);

export function Thread({ id }) {
  const live = liveOf(id);
  const view = live?.view.value;
  useLayoutEffect(() => {
    // With the first drawing of the run, so that a reload finds it from then on.
    if (id === "new" && view?.id) become("run", view.id);
  }, [id, view?.id]);
  useEffect(() => {
    document.title = view?.question ? `${view.question.slice(0, 60)} – fusion-graph` : "fusion-graph";
    return () => (document.title = "fusion-graph");
  }, [view?.question]);
  if (!live) return html`<${Notice} told=${{ title: "There is no run here.", text: "Ask a question, or choose a run from the list.", actions: [] }} />`;
  return html`<div class="thread">
    ${view.previous && html`<${EarlierTurn} key=${view.previous} id=${view.previous} depth=${0} />`}
    <${RunView} key=${live.key} live=${live} />
    ${ended(view) && view.id && answerOf(view) && html`<${FollowUp} key=${view.id} live=${live} />`}
  </div>`;
}

function EarlierTurn({ id, depth }) {
  const live = open(id);
  const view = live.view.value;
  const failure = live.failure.value;
  return html`
    ${view.previous && depth < 20 && html`<${EarlierTurn} id=${view.previous} depth=${depth + 1} />`}
    <article class="turn earlier" aria-label="Earlier turn">
      <p class="question" dir="auto">${view.question}</p>
      ${failure && html`<p class="faint">${explain(failure).title} ${explain(failure).text}</p>`}
      <details><summary>Answer</summary><${MarkdownText} text=${answerOf(view)?.text ?? ""} /></details>
      <a href=${to("run", id)}>The whole run</a>
    </article>`;
}

function FollowUp({ live }) {
  const [text, setText] = useState("");
  const send = (question) => {
    ask(live.settings ?? settings.value, question, live.view.value.id);
    setText("");
    location.hash = to("run", "new");
  };
  return html`<section class="follow-up" aria-label="Follow-up">
    <${AskBox} value=${text} onInput=${setText} onAsk=${send} label="Ask a follow-up in this thread" button="Ask on" />
  </section>`;
}
