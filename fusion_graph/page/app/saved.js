// Named panels, kept in this browser.
import { signal } from "./ui.js";
import { checked } from "./settings.js";
import { read, write } from "./storage.js";

const held = Object.entries(read("panels", {})).map(([name, settings]) => [name, checked(settings ?? {})]);
export const savedPanels = signal(Object.fromEntries(held));

export function savePanel(name, settings) {
  savedPanels.value = { ...savedPanels.value, [name]: settings };
  return write("panels", savedPanels.value);
}

export function forgetPanel(name) {
  const { [name]: gone, ...others } = savedPanels.value;
  savedPanels.value = others;
  write("panels", others);
}
