// The caller's runs, newest first, as the server keeps them.
import * as api from "./api.js";
import { ENDED } from "./run.js";
import { signal } from "./ui.js";

export const runList = signal({ state: "loading", runs: [], more: false, error: null });
const AGAIN = 15_000;
let timer = null;
let asking = null;
let next = null; // what was asked before a change may not know of it, so it is asked once more
let pages = 1;

export function refreshList() {
  if (asking) return (next ??= asking.then(() => ((next = null), refreshList())));
  asking = load().finally(() => (asking = null));
  return asking;
}

async function load() {
  clearTimeout(timer);
  try {
    runList.value = { state: "ready", ...(await shown()), error: null };
  } catch (error) {
    const state = error.status === 404 || error.status === 405 ? "absent" : "error";
    runList.value = { ...runList.value, state, error };
  }
  if (runList.value.runs.some((run) => !ENDED.has(run.status))) timer = setTimeout(refreshList, AGAIN);
}

async function shown() {
  const runs = [];
  let more = true;
  for (let page = 0; more && page < pages; page += 1) {
    const { data, has_more: further } = await api.list(runs.at(-1)?.id);
    runs.push(...data.map(entry));
    more = Boolean(further) && data.length > 0;
  }
  return { runs, more };
}

export function showOlder() {
  pages += 1;
  return refreshList();
}

// Runs may have been started, ended or deleted elsewhere while one was away.
addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && runList.value.state !== "loading") refreshList();
});

const entry = (told) => ({
  id: told.id,
  title: told.title || "A run without a question",
  status: told.status,
  createdAt: told.created_at,
  previous: told.previous_response_id ?? null,
});
