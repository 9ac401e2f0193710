// Light, dark, or as the system says.
import { effect, signal } from "./ui.js";
import { read, write } from "./storage.js";

export const THEMES = ["system", "light", "dark"];
export const theme = signal(THEMES.includes(read("theme", "system")) ? read("theme", "system") : "system");

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});

export function setTheme(value) {
  theme.value = value;
  write("theme", value === "system" ? null : value);
}
