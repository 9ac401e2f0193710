// A box to type into; Enter sends, Shift+Enter makes a new line.
import { html, useEffect, useRef } from "../ui.js";

export function AskBox({ value, onInput, onAsk, label, autofocus = false, button = "Ask", busy = false }) {
  const area = useRef(null);
  useEffect(() => {
    if (autofocus) area.current.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    const box = area.current;
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight + 2, innerHeight * 0.5)}px`;
  }, [value]);
  const send = () => value.trim() && !busy && onAsk(value.trim());
  const key = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  return html`<form class="ask" onSubmit=${(event) => (event.preventDefault(), send())}>
    <label><span class="label">${label}</span>
      <textarea ref=${area} dir="auto" rows="3" value=${value} onInput=${(event) => onInput(event.target.value)} onKeyDown=${key}
        aria-describedby="ask-hint" placeholder="Ask anything worth more than one opinion"></textarea></label>
    <div class="row">
      <span id="ask-hint" class="faint">Enter sends · Shift+Enter makes a new line</span>
      <button class="primary" disabled=${!value.trim() || busy}>${button}</button>
    </div>
  </form>`;
}
