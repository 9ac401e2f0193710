// Numbers for people. What is not known is said to be unknown, never shown as 0.

export const UNKNOWN = "unknown";
const known = (value) => value !== null && value !== undefined && Number.isFinite(Number(value));

export function money(dollars, { atLeast = false, about = false } = {}) {
  if (!known(dollars)) return UNKNOWN;
  const mark = atLeast ? "≥ " : about ? "≈ " : "";
  return `${mark}$${amount(Number(dollars))}`;
}

function amount(dollars) {
  if (dollars === 0) return "0";
  if (dollars >= 100) return dollars.toFixed(0);
  if (dollars >= 0.1) return dollars.toFixed(2);
  return dollars.toPrecision(2).includes("e") ? dollars.toFixed(8).replace(/0+$/, "") : dollars.toPrecision(2);
}

export function range(low, high) {
  return low === high ? money(low) : `${money(low)} – ${money(high)}`;
}

export function count(number, { atLeast = false, about = false } = {}) {
  if (!known(number)) return UNKNOWN;
  const mark = atLeast ? "≥ " : about ? "≈ " : "";
  return mark + Math.round(number).toLocaleString("en-US");
}

export function short(number) {
  if (!known(number)) return UNKNOWN;
  if (number >= 1e6) return `${+(number / 1e6).toFixed(1)}M`;
  return number >= 1000 ? `${Math.round(number / 1000)}k` : String(number);
}

export function duration(seconds) {
  if (!known(seconds)) return UNKNOWN;
  const exact = Math.max(0, Number(seconds));
  const whole = Math.round(exact);
  if (exact < 9.95) return `${exact.toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  const rest = whole - minutes * 60;
  if (minutes < 60) return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function when(unixSeconds) {
  if (!known(unixSeconds)) return UNKNOWN;
  const date = new Date(Number(unixSeconds) * 1000);
  const today = date.toDateString() === new Date().toDateString();
  return today
    ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

export const shortModel = (name) => String(name ?? "").replace(/^~/, "").split(/[/:]/).pop() || String(name ?? "");
export const plural = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
