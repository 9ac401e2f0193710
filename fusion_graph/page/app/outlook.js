// What the run that is about to be asked may cost, by the server's own estimate.
import * as api from "./api.js";
import { bodyOf } from "./settings.js";
import { signal } from "./ui.js";

export const outlook = signal({ state: "idle", estimate: null, error: null });
const PAUSE = 350;
let timer = null;
let controller = null;

export function forecast(settings, question, previous = null) {
  clearTimeout(timer);
  timer = setTimeout(() => load(settings, question, previous), outlook.value.state === "idle" ? 0 : PAUSE);
}

async function load(settings, question, previous) {
  controller?.abort();
  controller = new AbortController();
  const body = { ...bodyOf(settings, question.trim() || "A question."), ...(previous && { previous_response_id: previous }) };
  try {
    outlook.value = { ...outlook.value, state: "loading" };
    const estimate = await api.estimate(body, controller.signal);
    outlook.value = { state: "ready", estimate, error: null };
  } catch (error) {
    if (error.name !== "AbortError") outlook.value = { state: "error", estimate: null, error };
  }
}
