// What a run has used so far: of seats that have ended what the server says, of the others what is reckoned from the
// text that came. All of it is a lower bound, since the prompts of what still goes on are not heard.
import { modelNamed } from "./catalog.js";
import { count, money } from "./format.js";

const CHARACTERS = 4; // per token, roughly

function costOf(model, tokens) {
  if (model?.startsWith("offline:")) return 0;
  const price = modelNamed(model)?.output;
  return price === null || price === undefined ? null : (tokens * price) / 1e6;
}

function reckoned(model, characters) {
  const tokens = Math.ceil(characters / CHARACTERS);
  return { tokens, cost: tokens ? costOf(model, tokens) : null, about: tokens > 0, tokensAtLeast: false, costAtLeast: false };
}

export function usedBy(seat) {
  const usage = seat.usage;
  if (!usage) return reckoned(seat.model, seat.text.length + seat.thinking);
  return {
    tokens: sum([usage.input_tokens, usage.output_tokens]),
    cost: usage.cost_usd === null ? null : sum([usage.cost_usd, usage.fees_usd]),
    about: false,
    tokensAtLeast: usage.tokens_at_least,
    costAtLeast: usage.cost_at_least || usage.fees_at_least,
  };
}

// In words: exactly where the run's end told, at least that where it did not.
export function spent(view) {
  const { usage } = view;
  if (usage) return `${count(usage.total_tokens, { atLeast: usage.tokens_at_least })} tokens · ${dollars(usage.cost, { atLeast: usage.cost_at_least })}`;
  const answer = view.messages.at(-1);
  const parts = [...view.seats.map(usedBy), ...(answer ? [reckoned(view.writer.model, answer.text.length)] : [])];
  const tokens = sum(parts.map((part) => part.tokens));
  if (!tokens) return "nothing told yet";
  const about = parts.some((part) => part.about);
  const cost = sum(parts.map((part) => part.cost));
  return `${count(tokens, { about, atLeast: !about })} tokens · ${cost === null ? "" : "at least "}${dollars(cost, { about })}`;
}

export const dollars = (cost, how) => (cost === null ? "cost unknown" : money(cost, how));

// A sum of what is known; null where nothing is.
function sum(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((all, one) => all + one, 0) : null;
}
