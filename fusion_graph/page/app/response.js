// A finished Response: what it says beats what was heard on the way.
import { changeSeat, seatsOfReceipt } from "./seats.js";

export function finished(view, response) {
  const fusion = response.fusion ?? null;
  const receipt = fusion?.receipt ?? null;
  const told = receipt ? { ...view, seats: seatsOfReceipt(receipt, view.seats) } : stopped(view, response.status);
  const item = response.output?.find((one) => one.type === "openrouter:fusion");
  const base = item ? panelled(told, item) : told;
  return {
    ...base,
    id: response.id,
    status: response.status,
    model: response.model,
    createdAt: response.created_at,
    completedAt: response.completed_at,
    previous: response.previous_response_id ?? base.previous,
    metadata: response.metadata ?? base.metadata,
    messages: messagesOf(response, base.messages),
    calls: (response.output ?? []).filter((one) => one.type === "function_call"),
    analysis: fusion?.analysis ?? base.analysis,
    sources: fusion?.sources?.length ? fusion.sources : base.sources,
    judge: judgeOf(base.judge, receipt, response.status),
    writer: writerOf(base.writer, receipt, response.status),
    receipt,
    fusion,
    usage: response.usage ?? null,
    error: response.error ?? null,
    incomplete: response.incomplete_details?.reason ?? null,
  };
}

// The panel's item at its end: drafts, sources with their ids, analysis, failures.
export function panelled(view, told) {
  const drafts = told.responses ?? [];
  const seats = drafts.reduce(
    (seats, draft) => changeSeat(seats, draft, { draft: draft.content, state: "done", outcome: draft.outcome }),
    view.seats,
  );
  const failed = (told.failed_models ?? []).reduce(
    (seats, one) => changeSeat(seats, one, { state: "done", outcome: one.outcome, error: one.error }),
    seats,
  );
  return { ...view, seats: failed, analysis: told.analysis ?? view.analysis, sources: told.sources ?? view.sources };
}

function stopped(view, status) {
  const outcome = status === "cancelled" ? "cancelled" : "failed";
  const seats = view.seats.map((one) => (one.state === "done" ? one : { ...one, state: "done", outcome }));
  return { ...view, seats };
}

function messagesOf(response, heard) {
  const told = (response.output ?? [])
    .filter((one) => one.type === "message")
    .map((one) => ({
      id: one.id,
      status: one.status,
      text: one.content.map((part) => part.text ?? part.refusal ?? "").join(""),
      annotations: one.content.flatMap((part) => part.annotations ?? []),
    }));
  return told.length ? told : heard;
}

function judgeOf(judge, receipt, status) {
  const part = receipt?.judge;
  if (!part && judge.state === "waiting") return { ...judge, state: "unreached" };
  if (!part) return judge.state === "working" ? { ...judge, state: status === "cancelled" ? "cancelled" : "failed" } : judge;
  const lost = receipt.degraded?.find((one) => one.part === "judge" && one.reason.startsWith("judge_"));
  const failed = part.failure || lost;
  const reason = part.failure?.message ?? lost?.reason ?? judge.reason; // the detail stands in the receipt
  return { ...judge, model: part.requested_model, state: failed ? "failed" : "done", reason: failed ? reason : null };
}

function writerOf(writer, receipt, status) {
  const part = receipt?.writer;
  if (!part) return writer.state === "working" && status === "cancelled" ? { ...writer, state: "cancelled" } : writer;
  return { model: part.requested_model, state: part.failure ? "failed" : "done", reason: part.failure?.message ?? null };
}
