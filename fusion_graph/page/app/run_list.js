// The caller's runs, newest first, as the server keeps them.
import * as api from "./api.js";
import { ENDED } from "./run.js";
import { signal } from "./ui.js";

export const runList = signal({ state: "loading", runs: [], error: null });
const AGAIN = 15_000;
let timer = null;
let asking = null;

export function refreshList() {
  asking ??= load().finally(() => (asking = null));
  return asking;
}

async function load() {
  clearTimeout(timer);
  try {
    const { data } = await api.list();
    runList.value = { state: "ready", runs: data.map(entry), error: null };
  } catch (error) {
    const state = error.status === 404 || error.status === 405 ? "absent" : "error";
    runList.value = { ...runList.value, state, error };
  }
  if (runList.value.runs.some((run) => !ENDED.has(run.status))) timer = setTimeout(refreshList, AGAIN);
}

const entry = (told) => ({
  id: told.id,
  title: told.title || "A run without a question",
  status: told.status,
  createdAt: told.created_at,
  previous: told.previous_response_id ?? null,
});
