// Foreign text, drawn as Markdown.
import { html, memo, useLayoutEffect, useRef } from "../ui.js";
import { render } from "../markdown.js";

export const MarkdownText = memo(function Whole({ text }) {
  const place = useRef(null);
  useLayoutEffect(() => {
    place.current.replaceChildren(render(text));
  }, [text]);
  return html`<div class="prose" ref=${place}></div>`;
});
