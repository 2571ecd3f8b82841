/** Fetches outdated panels and data of the page, all that is outdated in one request, at most one a second. */
const PAUSE_MS = 1000;
const PATIENCE_MS = 10000;
const SHARE = 5; // of the time, at most a fifth is spent waiting for the server
const MAX_PAUSE_MS = 10000;

export class Refresher {
  /** `on` has `shown(answer)`, `failed()`, `signedOut()`, `gone()`, and `query()` with further parameters. */
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.names = new Set();
    this.busy = false;
    this.pause = 0;
  }

  /** Fetch these names as soon as it is their turn. */
  want(...names) {
    names.forEach((name) => this.names.add(name));
    this.schedule();
  }

  schedule() {
    if (this.busy || this.timer || !this.names.size || this.closed) return;
    const wait = Math.max(0, (this.nextAt ?? 0) - performance.now());
    this.timer = setTimeout(() => this.fetch(), wait);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }

  async fetch() {
    const names = [...this.names];
    this.names.clear();
    this.timer = undefined;
    this.busy = true;
    const begin = performance.now();
    const answer = await this.request(names).catch(() => undefined);
    this.busy = false;
    const took = answer === undefined ? 0 : performance.now() - begin;
    this.nextAt = performance.now() + Math.min(MAX_PAUSE_MS, Math.max(PAUSE_MS, SHARE * took));
    if (answer === undefined) this.missed(names);
    this.schedule();
    if (answer) this.on.shown(answer);
  }

  /** The server did not answer: the same is asked for again. */
  missed(names) {
    names.forEach((name) => this.names.add(name));
    this.on.failed();
  }

  /** The answer; null if there will be none any more, and an exception if the server does not answer now. */
  async request(names) {
    const query = new URLSearchParams({ ...this.on.query(), names: names.join(",") });
    const answer = await fetch(`${this.url}?${query}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.redirected || answer.status === 401 || answer.status === 403) return this.over("signedOut");
    if (answer.status === 404) return this.over("gone");
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.json();
  }

  over(reason) {
    this.on[reason]();
    return null;
  }
}
