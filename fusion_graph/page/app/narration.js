// What a screen reader is told of a run: its turns, not its every word.
import { plural } from "./format.js";
import { ended } from "./run.js";

export function narrate(before, after, say) {
  if (before === after || ended(before)) return;
  if (!before.seats.length && after.seats.length) say(`${plural(after.seats.length, "seat")} at work.`);
  for (const seat of after.seats) {
    const known = before.seats.find((one) => one.id === seat.id);
    if (seat.state === "done" && known && known.state !== "done" && !ended(after)) say(ending(seat));
  }
  if (after.judge.state === "working" && before.judge.state !== "working") say("The judge compares the drafts.");
  if (after.writer.state === "working" && before.writer.state !== "working") say("The answer is being written.");
  if (ended(after)) say(OVER[after.status]);
}

const ending = (seat) =>
  seat.outcome === "ok" || seat.outcome === "truncated" ? `${seat.label} has finished.` : `${seat.label}: ${seat.outcome}. ${seat.error ?? ""}`;

const OVER = {
  completed: "The run is finished; the answer is complete.",
  incomplete: "The run is finished; the answer was cut.",
  failed: "The run failed.",
  cancelled: "The run was stopped.",
};
