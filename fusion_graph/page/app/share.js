// A panel as a link: its settings in the fragment, which is sent to no server. Never a key.
import { compact, parse } from "./settings.js";

export const linkOf = (settings) => `${location.origin}${location.pathname}#/panel/${encode(compact(settings))}`;

function encode(text) {
  const bytes = new TextEncoder().encode(text);
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function settingsOf(code) {
  try {
    const binary = atob(code.replaceAll("-", "+").replaceAll("_", "/"));
    return parse(new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0))));
  } catch {
    return null;
  }
}
