// A run as one page that needs nothing else: no script, no request, everything foreign escaped or sanitized.
import { piecesOf } from "./export_markdown.js";
import { render } from "./markdown.js";

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
table{border-collapse:collapse;display:block;overflow-x:auto}th,td{border:1px solid #8886;padding:.3rem .5rem;text-align:left;vertical-align:top}
pre{overflow-x:auto;background:#8881;padding:.6rem}h3{margin-top:2rem;border-top:1px solid #8886;padding-top:1rem}`;
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const escaped = (text) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

export function asHtml(view) {
  const body = document.createElement("div");
  body.append(...piecesOf(view).map(render));
  const title = escaped((view.question || "A run").slice(0, 120));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}</style></head>
<body>${new XMLSerializer().serializeToString(body)}</body></html>
`;
}
