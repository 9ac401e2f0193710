// The list of runs, by the caller's key.
import { html, useEffect, useState } from "../ui.js";
import { runList, refreshList, showOlder } from "../run_list.js";
import { remove } from "../runs.js";
import { go, route, to } from "../router.js";
import { explain } from "../explain.js";
import { announce } from "../announce.js";
import { when } from "../format.js";
import { Notice } from "./notice.js";

const STATUS = { queued: "waiting", in_progress: "at work", completed: "finished", incomplete: "cut", failed: "failed", cancelled: "stopped" };

export function RunsList({ full = false }) {
  useEffect(() => void refreshList(), []);
  const { state, runs, more, error } = runList.value;
  return html`<section class="runs" aria-label=${full ? "All runs" : "Your runs"}>
    <h2 tabindex="-1">Runs</h2>
    ${state === "error" && full && html`<${Notice} told=${explain(error)} on=${{ again: refreshList }} />`}
    ${state === "error" && !full && html`<p class="faint">${explain(error).title}</p>`}
    ${state === "absent" && html`<p class="faint">This server keeps no list of runs.</p>`}
    ${state === "loading" && html`<p class="faint">Loading …</p>`}
    ${state === "ready" && !runs.length && html`<p class="faint">None yet. Runs go on when you leave, and stay here.</p>`}
    <ul>${runs.map((run) => html`<${Entry} key=${run.id} run=${run} />`)}</ul>
    ${more && html`<button type="button" class="small quiet" onClick=${showOlder}>Older runs</button>`}
  </section>`;
}

function Entry({ run }) {
  const [sure, setSure] = useState(false);
  const [trouble, setTrouble] = useState("");
  const here = route.value.rest.includes(run.id);
  const gone = async ({ target }) => {
    const list = target.closest(".runs");
    try {
      await remove(run.id);
    } catch (error) {
      setSure(false);
      setTrouble(explain(error).title);
      return announce(explain(error).title);
    }
    announce("The run is deleted.");
    if (here) return go();
    return list.querySelector("h2").focus();
  };
  return html`<li class="run-entry">
    <a href=${to("run", run.id)} aria-current=${here ? "page" : undefined} onClick=${() => scrollTo(0, 0)}>
      <span class="title" dir="auto">${run.title}</span>
      <span class="faint"><span class="dot ${run.status}" aria-hidden="true"></span>${STATUS[run.status] ?? run.status} · ${when(run.createdAt)}</span>
      ${trouble && html`<span class="faint warn"> ${trouble}</span>`}
    </a>
    ${sure
      ? html`<button type="button" class="small danger" onClick=${gone} onBlur=${() => setSure(false)}
          aria-label=${`Really delete: ${run.title}`}>delete?</button>`
      : html`<button type="button" class="small quiet" onClick=${() => setSure(true)} aria-label=${`Delete: ${run.title}`}>×</button>`}
  </li>`;
}
