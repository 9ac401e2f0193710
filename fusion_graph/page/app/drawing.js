// Draws what has grown, a little at a time: columns take turns, and places are measured once per frame.

const LEAST = 120; // milliseconds between two drawings of one text
const SHARE = 8; // a drawing that takes long is followed by a pause this many times as long
const SLICE = 8; // milliseconds of drawing before the browser gets its turn

const waiting = new Set();
const scrolling = new Set();
let turn = null;
let frame = null;

export function drawSoon(text) {
  waiting.add(text);
  turn ??= setTimeout(takeTurns, 0);
}

function takeTurns() {
  turn = null;
  const began = performance.now();
  for (const text of waiting) {
    const now = performance.now();
    if (now - began > SLICE) break;
    if (text.notBefore > now) continue;
    waiting.delete(text);
    text.draw();
    text.notBefore = performance.now() + Math.max(LEAST, (performance.now() - now) * SHARE);
  }
  if (!waiting.size) return;
  const next = Math.min(...[...waiting].map((text) => text.notBefore)) - performance.now();
  turn = setTimeout(takeTurns, Math.max(0, next));
}

export const forget = (text) => waiting.delete(text);

// Let a box show its end, in the next frame: all boxes are laid out at once.
export function toEnd(box) {
  scrolling.add(box);
  frame ??= requestAnimationFrame(() => {
    frame = null;
    const ends = [...scrolling].map((each) => [each, each.scrollHeight]);
    scrolling.clear();
    for (const [each, end] of ends) each.scrollTop = end;
  });
}
