// How long runs with the same settings took, in this browser: the only honest forecast there is.
import { compact } from "./settings.js";
import { read, write } from "./storage.js";

const EACH = 5;
const PANELS = 50;

export function keepTime(settings, seconds) {
  const key = compact(settings);
  const { [key]: before = [], ...others } = read("times", {});
  const kept = Object.entries(others).slice(-(PANELS - 1));
  write("times", Object.fromEntries([...kept, [key, [...before, seconds].slice(-EACH)]]));
}

export function expectedTime(settings) {
  const found = read("times", {})[compact(settings)];
  if (!Array.isArray(found) || !found.length) return null;
  return { low: Math.min(...found), high: Math.max(...found), runs: found.length };
}
