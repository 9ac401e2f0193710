// A run as it is shown, made from the events of its stream alone: pure functions from one view to the next.
import { finished, panelled } from "./response.js";
import { seatOf, seatsFrom } from "./seats.js";
import { resultOf, toolOf } from "./tool_calls.js";

const FUSION = "response.fusion_call.";
export const ENDED = new Set(["completed", "incomplete", "failed", "cancelled"]);

export function newRun(facts = {}) {
  return {
    id: null,
    status: "starting",
    createdAt: null,
    completedAt: null,
    model: null,
    question: "",
    previous: null,
    retryOf: null,
    metadata: {},
    seats: [],
    judge: { state: "none", model: null, reason: null, tools: [] },
    analysis: null,
    writer: { state: "none", model: null },
    messages: [],
    thinking: 0,
    calls: [],
    sources: [],
    receipt: null,
    fusion: null,
    usage: null,
    error: null,
    incomplete: null,
    last: -1,
    ...facts,
  };
}

export const ended = (view) => ENDED.has(view.status);

// The last message is the answer; what a calling model said before it is not.
export const answerOf = (view) => view.messages.at(-1) ?? null;

export function apply(view, event) {
  if (event.sequence_number !== undefined && event.sequence_number <= view.last) return view;
  const next = event.sequence_number === undefined ? view : { ...view, last: event.sequence_number };
  if (event.type.startsWith(FUSION)) return fused(next, event.type.slice(FUSION.length), event);
  return responded(next, event);
}

function responded(view, event) {
  switch (event.type) {
    case "response.created":
    case "response.queued":
    case "response.in_progress":
      return begun(view, event.response);
    case "response.completed":
    case "response.incomplete":
    case "response.failed":
    case "response.cancelled":
      return finished(view, event.response);
    case "response.output_item.added":
    case "response.output_item.done":
      return item(view, event.item);
    case "response.output_text.delta":
      return message(view, event.item_id, (one) => ({ text: one.text + event.delta }));
    case "response.output_text.done":
      return message(view, event.item_id, () => ({ text: event.text }));
    case "response.content_part.done":
      return message(view, event.item_id, () => ({ annotations: event.part?.annotations ?? [] }));
    case "response.reasoning_text.delta":
      return { ...view, thinking: view.thinking + event.delta.length };
    case "error":
      return { ...view, status: "failed", error: { message: event.message, code: event.code } };
    default:
      return view;
  }
}

function begun(view, response) {
  return {
    ...view,
    id: response.id,
    status: response.status,
    createdAt: response.created_at,
    model: response.model,
    previous: response.previous_response_id ?? view.previous,
    metadata: response.metadata ?? view.metadata,
  };
}

function item(view, told) {
  if (told.type === "message") return message(view, told.id, () => ({ status: told.status }));
  if (told.type === "function_call") return { ...view, calls: [...view.calls.filter((c) => c.id !== told.id), told] };
  if (told.type === "openrouter:fusion") return panelled(view, told);
  return view;
}

function message(view, id, change) {
  const known = view.messages.some((one) => one.id === id);
  const all = known ? view.messages : [...view.messages, { id, text: "", annotations: [], status: "in_progress" }];
  return { ...view, messages: all.map((one) => (one.id === id ? { ...one, ...change(one) } : one)) };
}

function fused(view, kind, event) {
  if (kind.startsWith("panel.")) return { ...view, seats: seatOf(view.seats, kind.slice(6), event) };
  switch (kind) {
    case "in_progress":
      return {
        ...view,
        seats: seatsFrom(event.seats ?? [], view.seats),
        judge: { ...view.judge, model: event.judge_model ?? view.judge.model, state: "waiting" },
        writer: { model: event.writer_model ?? view.writer.model, state: "waiting" },
      };
    case "analysis.in_progress":
      return { ...view, judge: { ...view.judge, model: event.judge_model ?? event.analyst_model, state: "working" } };
    case "analysis.completed":
      return { ...view, analysis: event.analysis, judge: { ...view.judge, state: "done" } };
    case "analysis.failed":
      return { ...view, judge: { ...view.judge, state: "failed", reason: event.failure_reason } };
    case "analysis.tool_call":
      return { ...view, judge: { ...view.judge, tools: [...view.judge.tools, toolOf(event)] } };
    case "analysis.tool_result":
      return { ...view, judge: { ...view.judge, tools: resultOf(view.judge.tools, event) } };
    case "writer.in_progress":
      return { ...view, writer: { model: event.model ?? view.writer.model, state: "working" } };
    default:
      return view;
  }
}
