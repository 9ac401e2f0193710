// Presets and models that the server offers.
import * as api from "./api.js";
import { signal } from "./ui.js";

export const catalog = signal({ state: "loading", presets: [], models: [], preset: null, error: null });

export async function loadCatalog() {
  try {
    const { data } = await api.models();
    const slugs = data.filter((entry) => entry.fusion);
    const presets = slugs.filter((entry) => entry.id.startsWith("fusion/")).map(presetOf);
    const router = slugs.find((entry) => entry.id === "openrouter/fusion");
    const models = data.filter((entry) => !entry.fusion).map(modelOf);
    catalog.value = { state: "ready", presets, models, preset: router?.fusion.preset ?? null, error: null };
  } catch (error) {
    catalog.value = { ...catalog.value, state: "error", error };
  }
}

function presetOf({ id, fusion }) {
  return {
    name: fusion.preset ?? id.slice("fusion/".length),
    description: fusion.description ?? "",
    panel: fusion.panel ?? null,
    judge: fusion.judge ?? null,
    writer: fusion.writer ?? null,
  };
}

// Dollars per million tokens. OpenRouter writes -1 for a price that is not known.
const price = (text) => (Number(text ?? -1) >= 0 && text !== "" ? Number(text) * 1e6 : null);

function modelOf(entry) {
  return {
    id: entry.id,
    input: price(entry.pricing?.prompt),
    output: price(entry.pricing?.completion),
    window: entry.context_length,
  };
}

export const modelNamed = (id) => catalog.value.models.find((model) => model.id === id) ?? null;
export const presetNamed = (name) => catalog.value.presets.find((preset) => preset.name === name) ?? null;

// Who would sit at the table; null where only the server can tell, because it looks for models itself.
export function tableOf(settings) {
  const preset = presetNamed(settings.preset ?? catalog.value.preset);
  const panel = settings.panel ?? preset?.panel?.map(seatOf) ?? null;
  if (!panel) return null;
  const own = settings.panel && !settings.preset && !catalog.value.preset;
  const judge = settings.judge ?? (own ? panel[0].model : preset?.judge ?? panel[0].model);
  return { seats: panel, judge, writer: settings.writer ?? (settings.judge && !preset?.writer ? settings.judge : preset?.writer ?? judge) };
}

const seatOf = (seat) => ({ model: seat.model, role: seat.role ?? null, label: seat.label && seat.label !== seat.model ? seat.label : null });
