// What a person chose for a run. A setting that is null is left to the preset or the server.

export const DEFAULTS = Object.freeze({
  preset: null,
  panel: null,
  judge: null,
  writer: null,
  mode: "fuse",
  tools: null,
  engine: null,
  max_tool_calls: null,
  max_completion_tokens: null,
  max_cost_usd: null,
  max_total_tokens: null,
  seat_timeout: null,
  deadline: null,
  quorum: null,
});

export const MAX_SEATS = 8;
export const TOOLS = { web_search: "web search", web_fetch: "fetching pages" };
export const MODES = {
  fuse: "always ask the panel",
  auto: "let the writer decide whether to ask it",
  analyze: "compare the drafts only, write no answer",
};
export const LIMITS = [
  { name: "max_cost_usd", label: "Money cap (US dollars)", min: 0.000001, max: 1e6, step: "any" },
  { name: "max_total_tokens", label: "Token cap for the whole run", min: 1, max: 2147483647, step: 1 },
  { name: "max_tool_calls", label: "Tool steps per seat (server default 4)", min: 1, max: 16, step: 1 },
  { name: "max_completion_tokens", label: "Output tokens per model call", min: 1, max: 2147483647, step: 1 },
  { name: "seat_timeout", label: "Seconds per seat (server default 600)", min: 1, max: 7200, step: 1 },
  { name: "deadline", label: "Seconds for the whole panel", min: 1, max: 7200, step: 1 },
  { name: "quorum", label: "Drafts that are enough", min: 1, max: MAX_SEATS, step: 1 },
];
const ENGINES = ["auto", "exa", "tavily", "parallel", "searxng", "duckduckgo", "corpus"];
export { ENGINES };

// The body of POST /v1/responses, without what belongs to the transport.
export function bodyOf(settings, question) {
  const fusion = { mode: settings.mode };
  if (settings.preset) fusion.preset = settings.preset;
  if (settings.panel) fusion.panel = settings.panel.map(seatBody);
  if (settings.judge) fusion.judge = settings.judge;
  if (settings.writer) fusion.writer = settings.writer;
  if (settings.tools) fusion.tools = settings.tools.map((name) => `openrouter:${name}`);
  if (settings.engine) fusion.search = { engine: settings.engine };
  for (const { name } of LIMITS) if (settings[name] !== null) fusion[name] = settings[name];
  return { model: "openrouter/fusion", input: question, fusion };
}

function seatBody(seat) {
  return seat.role || seat.label ? { model: seat.model, ...(seat.role && { role: seat.role }), ...(seat.label && { label: seat.label }) } : seat.model;
}

// The same as text without what is left to the server: for links, metadata and comparing two panels.
export function compact(settings) {
  const told = Object.entries(settings).filter(([name, value]) => name in DEFAULTS && value !== DEFAULTS[name]);
  return JSON.stringify(Object.fromEntries(told));
}

// Settings from anywhere - a link, the browser's memory, a run's metadata - are read with suspicion.
export function parse(text) {
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    return null;
  }
  return typeof given === "object" && given && !Array.isArray(given) ? checked(given) : null;
}

export function checked(given) {
  const name = (value, most = 300) => (typeof value === "string" && value.trim() ? value.trim().slice(0, most) : null);
  const settings = { ...DEFAULTS };
  for (const field of ["preset", "judge", "writer"]) settings[field] = name(given[field]);
  if (Array.isArray(given.panel)) {
    const seats = given.panel.slice(0, MAX_SEATS).map((seat) => seatFrom(seat, name)).filter(Boolean);
    settings.panel = seats.length ? seats : null;
  }
  if (given.mode in MODES) settings.mode = given.mode;
  if (ENGINES.includes(given.engine)) settings.engine = given.engine;
  if (Array.isArray(given.tools)) settings.tools = given.tools.filter((tool) => tool in TOOLS);
  for (const { name: field, min, max } of LIMITS) {
    const value = given[field];
    if (typeof value === "number" && value >= min && value <= max) settings[field] = value;
  }
  return settings;
}

function seatFrom(seat, name) {
  const given = typeof seat === "string" ? { model: seat } : seat ?? {};
  const model = name(given.model);
  return model && { model, role: name(given.role, 200), label: name(given.label, 100) };
}
