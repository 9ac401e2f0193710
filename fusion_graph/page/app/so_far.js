// What a run has used so far, reckoned from the text that came: a lower bound, since prompts are not heard.
import { modelNamed } from "./catalog.js";

const CHARACTERS = 4; // per token, roughly

export const tokensOf = (seat) => Math.ceil((seat.text.length + seat.thinking) / CHARACTERS);

export function costOf(model, tokens) {
  if (model?.startsWith("offline:")) return 0;
  const price = modelNamed(model)?.output;
  return price === null || price === undefined ? null : (tokens * price) / 1e6;
}

export function soFar(seats, answer, writer) {
  const parts = seats.map((seat) => [seat.model, tokensOf(seat)]);
  if (answer) parts.push([writer, Math.ceil(answer.text.length / CHARACTERS)]);
  const costs = parts.filter(([, tokens]) => tokens > 0).map(([model, tokens]) => costOf(model, tokens));
  const tokens = parts.reduce((sum, [, each]) => sum + each, 0);
  return { tokens, cost: costs.includes(null) ? null : costs.reduce((sum, one) => sum + one, 0) };
}
