// A search or a fetched page, as it happens.
import { html, memo } from "../ui.js";
import { hostOf, isWeb } from "../links.js";

const NAMES = { web_search: "Searches", web_fetch: "Reads", shell: "Runs" };

export const ToolLine = memo(function Line({ tool }) {
  const what = tool.arguments.query ?? tool.arguments.url ?? tool.arguments.command ?? "";
  const found = tool.sources.length ? ` – ${tool.sources.length} found` : "";
  const status = tool.status === "running" ? " …" : tool.status === "error" ? " – failed" : found;
  return html`<li class="tool ${tool.status}">
    <span class="tool-name">${NAMES[tool.tool] ?? tool.tool}</span> <span class="what">${String(what).slice(0, 300)}</span>${status}
    ${tool.tool === "web_search" && tool.sources.length > 0 && html`<details><summary>Results</summary><ul>
      ${tool.sources.slice(0, 25).map((source) => html`<li><${SourceLink} source=${source} /></li>`)}
    </ul></details>`}
  </li>`;
});

export function SourceLink({ source }) {
  const title = String(source.title || source.url).slice(0, 300);
  if (!isWeb(source.url)) return html`<span>${title}${title === source.url ? "" : ` (${String(source.url).slice(0, 300)})`}</span>`;
  return html`<a href=${source.url} target="_blank" rel="noopener noreferrer nofollow" referrerpolicy="no-referrer">${title}</a> <span class="faint">${hostOf(source.url)}</span>`;
}
