// The one place that knows the UI library.
import { Component, createElement, Fragment, render } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";
export { batch, computed, effect, signal, useComputed, useSignal } from "../vendor/signals.js";
export { Fragment, render };

export const html = htm.bind(createElement);

// Renders again only when a prop is another object than before.
export function memo(View) {
  return class extends Component {
    shouldComponentUpdate(next) {
      const names = new Set([...Object.keys(next), ...Object.keys(this.props)]);
      return [...names].some((name) => next[name] !== this.props[name]);
    }
    render(props) {
      return html`<${View} ...${props} />`;
    }
  };
}
