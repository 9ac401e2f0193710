// The caller's API key: for this tab, or by choice for this browser. It is never part of a link or an export.
import { signal } from "./ui.js";
import { read, write } from "./storage.js";

export const apiKey = signal(read("key", null, "sessionStorage") ?? read("key", null));
export const keyRemembered = signal(read("key", null) !== null);
export const keyAsked = signal(null); // why the key dialog is open, or null

export function setKey(key, remember) {
  write("key", key && !remember ? key : null, "sessionStorage");
  write("key", key && remember ? key : null);
  keyRemembered.value = Boolean(key && remember);
  apiKey.value = key || null;
  keyAsked.value = null;
}
