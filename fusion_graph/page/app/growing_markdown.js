// Draws Markdown that grows at its end: blocks that stay the same keep their elements, so that nothing is drawn twice
// or moves, and text before the last two blocks is not even read again.
import { blocksOf, clean, fragmentOf } from "./markdown.js";

const OPEN = 2; // blocks at the end that more text can still change

export class GrowingMarkdown {
  constructor(place, finish) {
    this._place = place;
    this._finish = finish;
    this._blocks = []; // { raw, element, from }: every block, spaces between them included
    this._text = "";
  }

  show(text, whole = false) {
    const wanted = clean(text);
    const kept = !whole && wanted.startsWith(this._text) ? Math.max(0, this._blocks.length - OPEN) : 0;
    const from = kept ? this._blocks[kept].from : 0;
    const tokens = blocksOf(wanted.slice(from));
    this._replace(kept, from, tokens);
    this._text = wanted;
  }

  forget() {
    for (const { element } of this._blocks.splice(0)) element?.remove();
    this._text = "";
  }

  _replace(kept, from, tokens) {
    const old = this._blocks.slice(kept);
    const differs = tokens.findIndex((token, at) => token.raw !== old[at]?.raw);
    const same = differs === -1 ? Math.min(tokens.length, old.length) : differs;
    for (const { element } of this._blocks.splice(kept + same)) element?.remove();
    let at = from + tokens.slice(0, same).reduce((sum, token) => sum + token.raw.length, 0);
    for (const token of tokens.slice(same)) {
      this._blocks.push({ raw: token.raw, element: this._drawn(token, tokens.links), from: at });
      at += token.raw.length;
    }
  }

  _drawn(token, links) {
    if (token.type === "space" || token.type === "def") return null;
    const element = document.createElement("div");
    element.className = "block";
    element.append(fragmentOf(Object.assign([token], { links })));
    this._finish(element);
    this._place.append(element);
    return element;
  }
}
