// A run as Markdown.
import { citedIn } from "./citations.js";
import { duration, money, count } from "./format.js";
import { nameOf, seatName, seatNames } from "./names.js";
import { partsOf } from "./receipt_parts.js";
import { spent } from "./so_far.js";
import { answerOf } from "./run.js";

const cell = (text) => String(text ?? "").replace(/\s+/g, " ").replaceAll("|", "\\|").trim();
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

export const asMarkdown = (view) => `${piecesOf(view).join("\n\n")}\n`;

// Each can be read alone: what a model wrote in one, such as a fence or a link's definition, must not reach the next.
export function piecesOf(view) {
  const pieces = [`# ${cell(view.question)}`, answer(view), comparison(view), sources(view), ...drafts(view), receipt(view)];
  return pieces.filter(Boolean).map(closed);
}

function closed(text) {
  let open = null;
  for (const line of text.split("\n")) {
    const [, fence, rest] = line.match(/^ {0,3}(`{3,}|~{3,})(.*)$/) ?? [];
    if (!open) open = fence && !(fence[0] === "`" && rest.includes("`")) ? fence : null;
    else if (fence?.startsWith(open) && !rest.trim()) open = null;
  }
  return open ? `${text}\n${open}` : text;
}

function answer(view) {
  if (view.fusion?.mode === "analyze") return null; // the comparison is all there is
  return `## Answer\n\n${answerOf(view)?.text || "There is none."}`;
}

function comparison(view) {
  const found = view.analysis;
  if (!found) return null;
  const list = (items) => (items.length ? items.map((one) => `- ${cell(one)}`).join("\n") : "None.");
  const from = (text, ids) => (ids?.length ? `${text} (${seatNames(view, ids)})` : text);
  const seats = view.seats.filter((seat) => seat.draft);
  return [
    "## Comparison",
    `### Consensus\n\n${list(found.consensus.map((text, at) => from(text, found.consensus_support?.[at]?.seat_ids)))}`,
    `### Contradictions\n\n${found.contradictions.length ? table(["Topic", "Seat", "Stance"], found.contradictions.flatMap((one) => one.stances.map((each) => [one.topic, nameOf(view, each.seat_id), each.stance]))) : "None."}`,
    `### Partial coverage\n\n${found.partial_coverage.length ? table(["Point", ...seats.map(seatName)], found.partial_coverage.map((one) => [one.point, ...seats.map((seat) => (one.seat_ids.includes(seat.id) ? "yes" : "–"))])) : "None."}`,
    `### Unique insights\n\n${list(found.unique_insights.map((one) => from(one.insight, [one.seat_id])))}`,
    `### Blind spots\n\n${list(found.blind_spots)}`,
  ].join("\n\n");
}

function sources(view) {
  if (!view.sources.length) return null;
  const cited = citedIn(answerOf(view)?.text ?? "");
  const line = (one) => `- ${one.id}: ${cell(one.title)} <${one.url}>${cited.has(one.id) ? ", cited" : ""}${one.seat_ids?.length ? `, found by ${seatNames(view, one.seat_ids)}` : ""}`;
  return `## Sources\n\n${view.sources.map(line).join("\n")}`;
}

function drafts(view) {
  const head = (seat) => `### ${cell(seatName(seat))} (${cell(seat.model)}): ${seat.outcome ?? "at work"}`;
  const each = view.seats.map((seat) => `${head(seat)}\n\n${seat.draft ?? seat.error ?? seat.text ?? ""}`);
  return each.length ? ["## Drafts", ...each] : [];
}

function receipt(view) {
  if (!view.receipt) return `## Receipt\n\nThere is none: the run ended without one. Of its use is known: ${spent(view)}.`;
  const rows = partsOf(view.receipt).map((part) => [part.name, part.model, part.outcome, part.seconds === null ? "" : duration(part.seconds), count(part.usage.input_tokens), count(part.usage.output_tokens), money(part.usage.cost_usd)]);
  const { usage } = view.receipt.totals;
  const sum = ["Together", "", view.status, duration(view.receipt.seconds), count(usage.input_tokens), count(usage.output_tokens), money(usage.cost_usd, { atLeast: usage.cost_at_least })];
  return `## Receipt\n\n${table(["Part", "Model", "Outcome", "Time", "Tokens in", "Tokens out", "Cost"], [...rows, sum])}`;
}
