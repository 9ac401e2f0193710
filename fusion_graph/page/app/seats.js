// The seats of a run: what each has written, searched and come to so far.
import { resultOf, toolOf } from "./tool_calls.js";

const BLANK = {
  role: null,
  state: "waiting",
  outcome: null,
  error: null,
  statusCode: null,
  text: "",
  draft: null,
  thinking: 0,
  tools: [],
  seconds: null,
  usage: null, // what the server says it took, once it has ended
};

const seat = (facts) => ({ ...BLANK, ...facts });

// The panel as it is announced. What a seat had already done stays: a retry asks only those that failed.
export function seatsFrom(listed, known) {
  const named = listed.map((one) => {
    const before = known.find((held) => held.id === one.id);
    const facts = { id: one.id, label: one.label || one.model, model: one.model, role: one.role ?? before?.role ?? null };
    return before ? { ...before, ...facts } : seat(facts);
  });
  const others = known.filter((held) => !listed.some((one) => one.id === held.id));
  return named.length ? [...named, ...others] : known;
}

export function changeSeat(seats, who, change) {
  const id = who.seat_id;
  const known = seats.some((one) => one.id === id);
  const all = known ? seats : [...seats, seat({ id, label: who.label || who.model || id, model: who.model ?? "" })];
  return all.map((one) => (one.id === id ? { ...one, ...(typeof change === "function" ? change(one) : change) } : one));
}

export function seatOf(seats, kind, event) {
  const change = CHANGES[kind];
  return change ? changeSeat(seats, event, (one) => change(one, event)) : seats;
}

const CHANGES = {
  added: () => ({ state: "working", text: "", draft: null, tools: [], error: null, outcome: null, usage: null }),
  delta: (one, event) => ({ state: "working", text: spaced(one) + event.delta, spaced: false }),
  "reasoning.delta": (one, event) => ({ state: "working", thinking: one.thinking + event.delta.length }),
  tool_call: (one, event) => ({ tools: [...one.tools, toolOf(event)], spaced: true }),
  tool_result: (one, event) => ({ tools: resultOf(one.tools, event) }),
  completed: (one, event) => ({
    state: "done",
    outcome: event.outcome ?? "ok",
    draft: event.content,
    seconds: event.seconds ?? null,
    usage: event.usage ?? null,
  }),
  failed: (one, event) => ({
    state: "done",
    outcome: event.outcome ?? "failed",
    error: event.error,
    statusCode: event.status_code ?? null,
    seconds: event.seconds ?? null,
    usage: event.usage ?? null,
  }),
};

// What a seat says after a search is a new paragraph.
const spaced = (one) => (one.spaced && one.text ? `${one.text}\n\n` : one.text);

// A finished run's seats, from its receipt.
export function seatsOfReceipt(receipt, known) {
  return receipt.seats.map((told) => {
    const before = known.find((one) => one.id === told.seat_id) ?? seat({});
    return {
      ...before,
      id: told.seat_id,
      label: told.label || before.label,
      role: told.role ?? before.role,
      model: told.requested_model,
      state: "done",
      outcome: told.outcome,
      error: told.failure?.message ?? before.error,
      statusCode: told.failure?.status_code ?? before.statusCode,
      seconds: told.latency,
      usage: told.usage,
    };
  });
}
