// What the browser remembers. A browser that keeps nothing is no reason to fail.
const PREFIX = "fusion-graph:";

export function read(name, missing, area = "localStorage") {
  try {
    const text = window[area].getItem(PREFIX + name);
    return text === null ? missing : JSON.parse(text);
  } catch {
    return missing;
  }
}

export function write(name, value, area = "localStorage") {
  try {
    if (value === null) window[area].removeItem(PREFIX + name);
    else window[area].setItem(PREFIX + name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
