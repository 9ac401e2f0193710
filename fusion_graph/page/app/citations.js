// Citations such as [S3] or [S1, S4] in rendered text: numbered buttons.

const CITED = /\[\s*(S\d+(?:\s*(?:[,;&/–—-]|and|to)\s*S\d+)*)\s*\]/g;
const SKIPPED = "code, pre, a, button";

// The number of each source is that of its id, so that no number changes while the answer grows.
export const numbersOf = (sources) => new Map(sources.map((source, at) => [source.id, Number(source.id.slice(1)) || at + 1]));

export const citedIn = (text) => new Set([...text.matchAll(CITED)].flatMap((match) => match[1].match(/S\d+/g)));

export function linkCitations(element, numbers, sourceOf) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(SKIPPED)) texts.push(walker.currentNode);
  for (const text of texts) replace(text, numbers, sourceOf);
}

function replace(text, numbers, sourceOf) {
  const parts = [];
  let from = 0;
  for (const match of text.data.matchAll(CITED)) {
    const ids = match[1].match(/S\d+/g).filter((id) => numbers.has(id));
    if (!ids.length) continue;
    parts.push(text.data.slice(from, match.index), ...ids.map((id) => mark(id, numbers.get(id), sourceOf(id))));
    from = match.index + match[0].length;
  }
  if (parts.length) text.replaceWith(...parts, text.data.slice(from));
}

function mark(id, number, source) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "cite";
  button.dataset.source = id;
  button.textContent = String(number);
  button.setAttribute("aria-label", `Source ${number}: ${source?.title ?? id}`);
  return button;
}
