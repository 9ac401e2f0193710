// The time, in Unix seconds, for what is still going on.
import { signal } from "./ui.js";

export const clock = signal(Date.now() / 1000);
setInterval(() => (clock.value = Date.now() / 1000), 1000);
