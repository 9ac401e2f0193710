// The passage of a draft that an item of the analysis most likely comes from: by the words they share.

const BLOCKS = "p, li, td, h3, h4, h5, h6, blockquote, pre";
const LEAST = 0.25;

const wordsOf = (text) => new Set((text.toLowerCase().match(/[\p{L}\p{N}]{4,}|\d+/gu) ?? []).map((word) => word.slice(0, 7)));

export function bestPassage(element, text) {
  const wanted = wordsOf(text);
  if (!wanted.size) return null;
  let best = { element: null, score: LEAST };
  for (const block of element.querySelectorAll(`.prose :is(${BLOCKS})`)) {
    const words = wordsOf(block.textContent);
    const shared = [...wanted].filter((word) => words.has(word)).length;
    const score = shared / wanted.size - words.size / 2000; // of two that fit, the shorter one
    if (score > best.score) best = { element: block, score };
  }
  return best.element;
}
