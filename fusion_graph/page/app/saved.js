// Named panels, kept in this browser.
import { signal } from "./ui.js";
import { checked } from "./settings.js";
import { read, write } from "./storage.js";

// As they are kept now: another tab may have changed them.
const held = () => Object.fromEntries(Object.entries(read("panels", {})).map(([name, settings]) => [name, checked(settings ?? {})]));
export const savedPanels = signal(held());

export function savePanel(name, settings) {
  savedPanels.value = { ...held(), [name]: settings };
  return write("panels", savedPanels.value);
}

export function forgetPanel(name) {
  const { [name]: gone, ...others } = held();
  savedPanels.value = others;
  write("panels", others);
}
