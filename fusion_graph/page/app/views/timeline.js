// Seats, judge and writer as bars on one time axis, drawn from the receipt's durations.
import { html } from "../ui.js";
import { duration } from "../format.js";

const LEFT = 130;
const WIDTH = 520;
const ROW = 22;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600];

export function Timeline({ parts, seconds }) {
  const bars = parts.filter((part) => part.seconds !== null && part.start !== null);
  const end = Math.max(seconds ?? 0, ...bars.map((part) => part.start + part.seconds), 0.001);
  const x = (time) => LEFT + (time / end) * WIDTH;
  const step = STEPS.find((one) => end / one <= 6) ?? end / 5;
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, at) => at * step);
  const height = bars.length * ROW + 26;
  const told = bars.map((part) => `${part.name}: ${duration(part.start)} to ${duration(part.start + part.seconds)}`).join("; ");
  return html`<div class="scroll timeline" tabindex="0" role="region" aria-label="Timeline"><svg viewBox="0 0 ${LEFT + WIDTH + 70} ${height}" role="img" aria-label=${`The run on a time axis. ${told}`}>
    ${ticks.map((time) => html`<g class="tick"><line x1=${x(time)} x2=${x(time)} y1="0" y2=${height - 20} /><text x=${x(time)} y=${height - 6} text-anchor="middle">${duration(time)}</text></g>`)}
    ${bars.map((part, at) => html`<g class="bar ${part.outcome} ${part.id === "judge" || part.id === "writer" ? part.id : "seat"}">
      <text x=${LEFT - 8} y=${at * ROW + 15} text-anchor="end">${part.name.length > 16 ? `${part.name.slice(0, 15)}…` : part.name}</text>
      <rect x=${x(part.start)} y=${at * ROW + 4} width=${Math.max(2, (part.seconds / end) * WIDTH)} height=${ROW - 8} rx="2" />
      <text class="length" x=${x(part.start + part.seconds) + 5} y=${at * ROW + 15}>${duration(part.seconds)}</text>
    </g>`)}
  </svg></div>`;
}
