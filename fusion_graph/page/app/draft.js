// What is being asked: the panel that is chosen, the question so far, and the run to show the new one beside.
import { signal } from "./ui.js";
import { checked, compact, DEFAULTS } from "./settings.js";
import { read, write } from "./storage.js";

export const settings = signal(checked(read("settings", DEFAULTS)));
export const question = signal(read("question", "", "sessionStorage"));
export const beside = signal(null); // { id, question } of a run to compare with
export const building = signal(false); // whether the panel's form is open

export function choose(changes) {
  settings.value = { ...settings.value, ...changes };
  write("settings", JSON.parse(compact(settings.value)));
}

export function replace(whole) {
  settings.value = { ...DEFAULTS, ...whole };
  write("settings", JSON.parse(compact(settings.value)));
}

export function setQuestion(text) {
  question.value = text;
  write("question", text, "sessionStorage");
}
