/** Fetches outdated panels and data of the page, all that is outdated in one request, at most one a second. */
const PAUSE_MS = 1000;
const PATIENCE_MS = 10000;
const SHARE = 5; // of the time, at most a fifth is spent waiting for the server

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
    try {
      await this.request(names);
    } catch {
      names.forEach((name) => this.names.add(name));
      this.on.failed();
    }
    this.busy = false;
    const now = performance.now();
    this.nextAt = now + Math.max(PAUSE_MS, SHARE * (now - begin));
    this.schedule();
  }

  async request(names) {
    const query = new URLSearchParams({ ...this.on.query(), names: names.join(",") });
    const answer = await fetch(`${this.url}?${query}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.redirected || answer.status === 401 || answer.status === 403) return this.on.signedOut();
    if (answer.status === 404) return this.on.gone();
    if (!answer.ok) throw new Error(answer.statusText);
    this.on.shown(await answer.json());
  }
}
