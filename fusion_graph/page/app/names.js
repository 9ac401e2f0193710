// What seats are called where they are mentioned.
import { shortModel } from "./format.js";

export const seatName = (seat) => (seat.label && seat.label !== seat.model ? seat.label : shortModel(seat.model));

export function nameOf(view, id) {
  if (id === "judge") return "the judge";
  const seat = view.seats.find((one) => one.id === id);
  return seat ? seatName(seat) : id;
}

export const seatNames = (view, ids) => (ids ?? []).map((id) => nameOf(view, id)).join(", ");
