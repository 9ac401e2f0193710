// The parts of a receipt as rows: seats, judge, writer, and what a retry replaced; with their place on the time axis.
import { seatName } from "./names.js";

const row = (id, name, part, outcome, start) => ({
  id,
  name,
  model: part.requested_model ?? null,
  served: part.served_model ?? null,
  outcome,
  start,
  seconds: part.latency ?? null,
  calls: part.calls,
  toolCalls: part.tool_calls,
  usage: part.usage,
});

export function partsOf(receipt) {
  const seats = receipt.seats.map((seat) => row(seat.seat_id, seatName({ label: seat.label, model: seat.requested_model }), seat, seat.outcome, 0));
  const panel = Math.max(0, ...receipt.seats.map((seat) => seat.latency ?? 0));
  const judge = receipt.judge && row("judge", "Judge", receipt.judge, outcomeOf(receipt.judge), panel);
  const after = panel + (receipt.judge?.latency ?? 0);
  const label = receipt.deliberated ? "Writer" : "Calling model";
  const writer = receipt.writer && row("writer", label, receipt.writer, outcomeOf(receipt.writer), writerStart(receipt, after));
  const earlier = receipt.earlier && row("earlier", "Before the retry", receipt.earlier, null, null);
  return [...seats, judge, writer, earlier].filter(Boolean);
}

const outcomeOf = (part) => (part.failure ? "failed" : "ok");

// A calling model works around the panel; a writer works after it.
function writerStart(receipt, after) {
  const seconds = receipt.writer.latency ?? 0;
  return receipt.seconds && seconds + after > receipt.seconds * 1.05 ? Math.max(0, receipt.seconds - seconds) : after;
}
