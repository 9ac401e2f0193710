// Tells screen readers what happens, a sentence at a time and not more often than they can speak.
const PAUSE = 1500;
let waiting = [];
let timer = null;

function speak() {
  timer = null;
  if (!waiting.length) return;
  const place = document.getElementById("announcer");
  if (place) place.textContent = waiting.join(" ");
  waiting = [];
  timer = setTimeout(speak, PAUSE);
}

export function announce(sentence) {
  waiting = [...waiting.slice(-5), sentence];
  timer ??= setTimeout(speak, 150);
}
