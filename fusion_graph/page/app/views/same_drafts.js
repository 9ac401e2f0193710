// The same drafts once more: compared by another judge, or answered by another writer; both answers side by side.
import { html, useState } from "../ui.js";
import { go } from "../router.js";
import { again, usable } from "../runs.js";
import { ModelPicker } from "./model_picker.js";

export function SameDrafts({ live, view }) {
  const [judge, setJudge] = useState(view.receipt?.judge?.requested_model ?? null);
  const [writer, setWriter] = useState(view.receipt?.writer?.requested_model ?? null);
  if (!repeatable(live, view)) return null;
  const repeat = (others) => {
    again(live, others);
    go("compare", view.id, "new");
  };
  const writes = view.fusion?.mode !== "analyze";
  return html`<details class="menu"><summary class="button">Other judge or writer</summary>
    <div class="menu-items same-drafts">
      <p class="faint">The drafts are kept; both answers then stand side by side.</p>
      <${ModelPicker} label="Judge" value=${judge} onChange=${setJudge} required />
      ${writes && html`<${ModelPicker} label="Writer" value=${writer} onChange=${setWriter} required />`}
      <button type="button" disabled=${!judge} onClick=${() => repeat(writes && writer ? { judge, writer } : { judge })}>${writes ? "Judge and write again" : "Judge again"}</button>
      ${writes && html`<button type="button" disabled=${!writer} onClick=${() => repeat({ writer })}>Only write again</button>`}
    </div></details>`;
}

// A panel that the calling model convened by itself cannot be done again in parts.
const repeatable = (live, view) =>
  Boolean(view.id && live.background && view.receipt?.judge && view.fusion?.mode !== "auto") && view.seats.some(usable);
