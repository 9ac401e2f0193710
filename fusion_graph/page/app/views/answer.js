// The answer, drawn as it comes, with numbered citations.
import { html, useMemo, useRef } from "../ui.js";
import { linkCitations, numbersOf } from "../citations.js";
import { shortModel } from "../format.js";
import { answerOf, ended } from "../run.js";
import { CitationCard } from "./citation_card.js";
import { GrowingText } from "./growing_text.js";
import { MarkdownText } from "./markdown_text.js";

const BADGE = { working: "being written", failed: "the writer failed; this is the best draft", cancelled: "stopped" };

export function Answer({ view, id, heading = "Answer" }) {
  const answer = answerOf(view);
  const over = ended(view) || answer?.status === "completed";
  const card = useRef(null);
  const sources = view.sources;
  const numbers = useMemo(() => numbersOf(sources), [sources]);
  const finish = useMemo(() => (element) => linkCitations(element, numbers, (one) => sources.find((each) => each.id === one)), [numbers]);
  const open = (event) => {
    const button = event.target.closest?.("button.cite");
    if (button) card.current(button);
  };
  const earlier = view.messages.slice(0, -1).filter((one) => one.text.trim());
  return html`<section class="answer" id=${id} aria-label=${heading}>
    <div class="row heading"><h3>${heading}</h3>
      <span class="faint">${view.writer.model ? shortModel(view.writer.model) : ""} ${BADGE[view.writer.state] ?? ""}</span></div>
    ${earlier.map((one) => html`<div class="said-before" key=${one.id}><${MarkdownText} text=${one.text} /></div>`)}
    <div class="answer-text" onClick=${open} aria-busy=${!over}>
      <${GrowingText} text=${answer?.text ?? ""} done=${over} finish=${finish} />
      ${!answer?.text && html`<p class="faint">${over ? "There is no answer." : "Waiting for the first word …"}</p>`}
    </div>
    ${view.incomplete && html`<p class="faint">The answer was cut: ${view.incomplete.replaceAll("_", " ")}.</p>`}
    ${view.calls.length > 0 && html`<p class="faint">The model asked for tools that only another client can run: ${view.calls.map((call) => call.name).join(", ")}.</p>`}
    <${CitationCard} open=${card} view=${view} numbers=${numbers} />
  </section>`;
}
