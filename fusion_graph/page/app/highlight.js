// Which drafts an item of the analysis came from: chosen by a click on the item, shown in the columns.
import { signal } from "./ui.js";

export const highlighted = signal(null); // { run, seats, text, at }

export function show(run, seats, text) {
  highlighted.value = { run, seats, text, at: performance.now() };
}

export const clear = () => (highlighted.value = null);
