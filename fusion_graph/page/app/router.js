// Where the page is: #/, #/run/ID, #/compare/ID/ID, #/runs, #/panel/CODE.
import { computed, signal } from "./ui.js";

const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));

export const route = computed(() => {
  const [name, ...rest] = hash.value.replace(/^#\/?/, "").split("/").map(decode);
  return { name: name || "new", rest };
});

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const to = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

export function go(...parts) {
  location.hash = to(...parts);
  hash.value = location.hash;
}

// Change the address without a new entry in the history.
export function become(...parts) {
  history.replaceState(null, "", to(...parts));
  hash.value = location.hash;
}
