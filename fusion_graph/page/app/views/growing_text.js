// Foreign text that still grows, drawn as Markdown.
import { html, memo, useLayoutEffect, useRef } from "../ui.js";
import { drawSoon, forget, toEnd } from "../drawing.js";
import { GrowingMarkdown } from "../growing_markdown.js";

const NEAR = 40; // pixels from its end within which a scrolling box follows the text

export const GrowingText = memo(function Growing({ text, done, finish = null, whole = null }) {
  const place = useRef(null);
  const drawn = useRef(null);
  useLayoutEffect(() => {
    drawn.current ??= new Drawn(place.current, whole);
    drawn.current.want(text, done, finish);
  }, [text, done, finish]);
  useLayoutEffect(() => () => drawn.current?.end(), []);
  return html`<div class="prose growing" ref=${place}></div>`;
});

class Drawn {
  constructor(place, whole) {
    this.notBefore = 0;
    this._whole = whole; // called whenever all of the text stands there
    this._box = place.closest("[data-scroller]");
    this._follows = true;
    this._drawer = new GrowingMarkdown(place, (element) => this._finish?.(element));
    this._scrolled = () => (this._follows = this._box.scrollHeight - this._box.scrollTop - this._box.clientHeight < NEAR);
    this._box?.addEventListener("scroll", this._scrolled, { passive: true });
  }

  want(text, done, finish) {
    if (this._finish !== finish) this._drawer.forget();
    Object.assign(this, { _text: text, _done: done, _finish: finish });
    if (done) this.notBefore = 0;
    drawSoon(this);
  }

  draw() {
    this._drawer.show(this._text, this._done);
    if (this._box && this._follows && !this._done) toEnd(this._box);
    if (this._done) this._whole?.();
  }

  end() {
    forget(this);
    this._box?.removeEventListener("scroll", this._scrolled);
  }
}
