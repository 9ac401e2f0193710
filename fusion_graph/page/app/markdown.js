// Model output as Markdown. It is hostile: raw HTML is shown as text, pictures are never loaded, and whatever the
// renderer makes passes a sanitizer that knows a short list of tags and no attribute that could act.
import DOMPurify from "../vendor/dompurify.js";
import { Marked } from "../vendor/marked.js";
import { safeLinks } from "./links.js";

const escaped = (text) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g; // bidi tricks too

const marked = new Marked({
  gfm: true,
  renderer: {
    html: ({ text }) => escaped(text),
    image: ({ text, href }) => `[picture: ${escaped(text || href || "")}]`,
    heading({ tokens, depth }) {
      const level = Math.min(6, depth + 2); // the page has its own h1 and h2
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
    },
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

const ALLOWED = {
  ALLOWED_TAGS: "a p br hr h3 h4 h5 h6 ul ol li blockquote pre code em strong del table thead tbody tr th td".split(" "),
  ALLOWED_ATTR: ["href", "start"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

export const clean = (text) => text.replace(/\r\n?/g, "\n").replace(CONTROLS, "");
export const blocksOf = (text) => marked.lexer(text);

export function fragmentOf(tokens) {
  const fragment = DOMPurify.sanitize(marked.parser(tokens), ALLOWED);
  safeLinks(fragment);
  for (const block of fragment.children) block.dir = "auto"; // each reads in the direction of its own script
  for (const table of fragment.querySelectorAll("table, pre")) table.tabIndex = 0; // they scroll: let keys reach them
  return fragment;
}

export function render(text) {
  return fragmentOf(marked.lexer(clean(text)));
}
