// All runs that this page knows: those it started, and those it opened again.
import * as api from "./api.js";
import { apply, ended, newRun } from "./run.js";
import { LiveRun } from "./live.js";
import { refreshList } from "./run_list.js";
import { finished } from "./response.js";
import { bodyOf, compact, parse } from "./settings.js";
import { keepTime } from "./times.js";
import { effect, signal } from "./ui.js";

const held = new Map();
export const started = signal(null); // the run that was just asked, until it has an id
let background = true; // until the server says that it runs nothing in the background

// The settings travel with the run, so that any browser can ask the same panel again.
function metadataOf(settings) {
  const told = compact(settings);
  return told.length <= 512 ? { page_settings: told } : {};
}

export function ask(settings, question, previous = null) {
  const live = new LiveRun({ question, previous, createdAt: Date.now() / 1000 }, settings);
  const body = { ...bodyOf(settings, question), store: true, metadata: metadataOf(settings) };
  if (previous) body.previous_response_id = previous;
  return launch(live, (signal) => creating(live, (more) => api.create({ ...body, ...more }, signal)));
}

// Ask the failed seats again; what depends on them is done again too. Or, with `others`, keep all drafts and have them
// compared by another judge, or the answer written by another writer.
export function again(run, others = null) {
  const view = run.view.value;
  const blank = { state: "waiting", outcome: null, error: null, text: "", usage: null };
  const seats = view.seats.map((seat) => (others || usable(seat) ? seat : { ...seat, ...blank }));
  const facts = { question: view.question, previous: view.previous, metadata: view.metadata, retryOf: view.id, seats };
  const live = new LiveRun({ ...facts, createdAt: Date.now() / 1000 }, others && run.settings ? { ...run.settings, ...others } : run.settings);
  return launch(live, (signal) => creating(live, (more) => api.retry(view.id, { ...others, ...more }, signal)));
}

export const usable = (seat) => ["ok", "truncated"].includes(seat.outcome) && Boolean((seat.draft ?? seat.text).trim());

async function* creating(live, create) {
  try {
    live.background = background;
    yield* create({ stream: true, ...(background && { background: true }) });
  } catch (error) {
    if (!background || error.param !== "background") throw error;
    background = live.background = false;
    yield* create({ stream: true });
  }
}

function launch(live, open) {
  started.value = live;
  const stop = effect(() => {
    const { id } = live.view.value;
    if (!id || held.has(id)) return;
    held.set(id, live);
    refreshList();
  });
  live.hear(open).then(() => {
    stop();
    over(live);
  });
  return live;
}

function over(live) {
  const view = live.latest;
  refreshList();
  if (view.status === "completed" && view.receipt?.seconds && live.settings && !view.retryOf) keepTime(live.settings, view.receipt.seconds);
}

// A run by its id: as it is held here, or from the server, with its stream resumed where it still goes on.
export function open(id) {
  if (held.has(id)) return held.get(id);
  const live = new LiveRun({ id });
  live.fresh = false;
  held.set(id, live);
  load(live, id).catch((error) => live.fail(error)); // it stays held: what is not there is asked for once
  return live;
}

async function load(live, id) {
  const response = await api.response(id);
  live.background = response.background !== false;
  live.settings = parse(response.metadata?.page_settings ?? "");
  const question = await questionOf(id);
  const facts = { id, question, previous: response.previous_response_id ?? null, metadata: response.metadata ?? {} };
  const base = newRun({ ...facts, createdAt: response.created_at, status: response.status });
  live.set(base);
  if (!ended(response)) {
    live.fresh = true;
    live.publish();
    return live.hear((signal) => api.follow(id, -1, signal)).then(() => over(live));
  }
  live.set(finished(base, response));
  live.connection.value = "ended";
  return live.background ? recall(live, id, base) : undefined;
}

async function questionOf(id) {
  try {
    const { data } = await api.inputItems(id);
    const asked = data.find((one) => one.role === "user");
    const text = typeof asked?.content === "string" ? asked.content : asked?.content?.map((part) => part.text ?? "").join("");
    return text ?? "";
  } catch {
    return ""; // the run is worth showing without its question
  }
}

// What a finished run searched stands in its events alone, and of a run without a receipt its seats too; where the
// events are gone, the run is shown without.
async function recall(live, id, base) {
  const view = live.latest;
  let heard = base;
  try {
    for await (const event of api.follow(id, -1)) if (!view.receipt || !event.type.endsWith(".delta")) heard = apply(heard, event);
  } catch {
    return;
  }
  if (!view.receipt) {
    live.set(heard);
    return;
  }
  const tools = new Map(heard.seats.map((seat) => [seat.id, seat.tools]));
  live.set({ ...view, seats: view.seats.map((seat) => ({ ...seat, tools: tools.get(seat.id) ?? seat.tools })), judge: { ...view.judge, tools: heard.judge.tools } });
}

export async function stop(live) {
  const { id } = live.latest;
  if (!live.background || !id) {
    live.leave();
    live.set({ ...live.latest, status: "cancelled" });
    live.connection.value = "ended";
    return;
  }
  const response = await api.cancel(id);
  if (ended(response)) live.set(finished(live.latest, response));
  refreshList();
}

export async function remove(id) {
  try {
    await api.remove(id);
  } catch (error) {
    if (error.status !== 404) throw error; // it was deleted elsewhere
  }
  held.get(id)?.leave();
  held.delete(id);
  return refreshList();
}
