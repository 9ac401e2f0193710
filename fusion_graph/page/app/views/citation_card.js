// What stands behind a citation: the source, where it leads, and which seats found it.
import { html, useEffect, useRef, useState } from "../ui.js";
import { clear, show } from "../highlight.js";
import { isWeb } from "../links.js";
import { seatNames } from "../names.js";
import { SourceLink } from "./tool_line.js";

export function CitationCard({ open, view, numbers }) {
  const box = useRef(null);
  const [shown, setShown] = useState(null);
  open.current = (button) => setShown({ id: button.dataset.source, button });
  useEffect(() => {
    if (!shown) return;
    const { left, bottom } = shown.button.getBoundingClientRect();
    const card = box.current;
    card.showPopover();
    card.style.left = `${Math.max(8, Math.min(left, innerWidth - card.offsetWidth - 8))}px`;
    card.style.top = `${Math.max(8, Math.min(bottom + 6, innerHeight - card.offsetHeight - 8))}px`;
    card.querySelector("a, button")?.focus();
  }, [shown]);
  const close = (event) => {
    if (event.newState !== "closed") return;
    if (document.activeElement === document.body || box.current.contains(document.activeElement)) shown?.button.focus({ preventScroll: true });
    setShown(null);
  };
  const source = view.sources.find((one) => one.id === shown?.id);
  const seats = source?.seat_ids?.filter((id) => id !== "judge") ?? [];
  return html`<div class="citation-card" ref=${box} popover="auto" role="dialog" aria-label="Source" onToggle=${close}>
    ${source && html`<p><strong>${numbers.get(source.id)}.</strong> <${SourceLink} source=${source} /></p>
      <p class="faint">${isWeb(source.url) ? "Opens in a new tab." : "A file of the operator's folder."}</p>
      <p>Found by ${seatNames(view, source.seat_ids) || "nobody that is known"}.</p>
      ${seats.length > 0 && html`<button type="button" class="small" onClick=${() => (box.current.hidePopover(), clear(), show(view.id, seats, source.title))}>Show ${seats.length === 1 ? "its draft" : "their drafts"}</button>`}`}
  </div>`;
}
