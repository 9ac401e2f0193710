// One run in this page: its view, and the connection that keeps it up to date.
import { announce } from "./announce.js";
import * as api from "./api.js";
import { narrate } from "./narration.js";
import { apply, ended, newRun } from "./run.js";
import { signal } from "./ui.js";

const PUBLISH = 80; // milliseconds between two renderings, however fast events come
const SLICE = 10; // milliseconds of work before the browser gets its turn
const PAUSES = [300, 600, 1200, 2500, 5000];

const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let made = 0;

export class LiveRun {
  constructor(facts = {}, settings = null) {
    this.key = ++made; // stays the same while the run gets its id
    this.settings = settings;
    this.view = signal(newRun(facts));
    this.connection = signal("live"); // live, reconnecting, ended
    this.failure = signal(null); // why there is no run, or no more of it
    this.background = true;
    this.fresh = true; // watched from its beginning, so that what is on the page stays where it is
    this._next = this.view.value;
    this._timer = null;
    this._controller = new AbortController();
  }

  take(event) {
    this.set(apply(this._next, event));
  }

  set(view) {
    narrate(this._next, view, announce);
    this._next = view;
    if (ended(view)) this.publish();
    else this._timer ??= setTimeout(() => this.publish(), PUBLISH);
  }

  publish() {
    clearTimeout(this._timer);
    this._timer = null;
    this.view.value = this._next;
  }

  get latest() {
    return this._next;
  }

  leave() {
    this._controller.abort();
  }

  fail(error) {
    this.publish();
    this.connection.value = "ended";
    this.failure.value = error;
  }

  // Hear a stream to the run's end; where it breaks off, go on from the last event that came.
  async hear(open) {
    let source = open;
    for (let attempt = 0; !this._controller.signal.aborted; ) {
      const before = this._next.last;
      try {
        await this._hearOnce(source);
        if (ended(this._next)) return this._over();
        throw new api.ServerGone("the stream ended before the run did");
      } catch (error) {
        if (this._controller.signal.aborted || error.name === "AbortError") return undefined;
        if (!this._worthWaiting(error)) return this.fail(error);
        attempt = this._next.last > before ? 0 : attempt;
      }
      this.connection.value = "reconnecting";
      await rest(PAUSES[Math.min(attempt, PAUSES.length - 1)]);
      attempt += 1;
      source = (abort) => api.follow(this._next.id, this._next.last, abort);
    }
    return undefined;
  }

  async _hearOnce(source) {
    let began = performance.now();
    for await (const event of source(this._controller.signal)) {
      this.connection.value = "live";
      this.take(event);
      if (performance.now() - began > SLICE) {
        await rest(0);
        began = performance.now();
      }
    }
  }

  _over() {
    this.publish();
    this.connection.value = "ended";
  }

  _worthWaiting(error) {
    if (!this._next.id || !this.background) return false;
    return error instanceof api.ServerGone || error instanceof TypeError || error.status === 429 || error.status >= 500;
  }
}
