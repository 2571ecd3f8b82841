// The upload of one bundle in parts, several at a time. The session knows which parts are stored: after a lost
// connection or a reload it goes on when the same files are chosen again.
import {MAX_ATTEMPTS, ProblemError, call, delay, sendPart, withRetries} from "./api.js";

const MAX_CONCURRENT = 6;
const GONE = [403, 404, 409, 410];

export class Upload extends EventTarget {
  constructor(bundle, {addresses, saved, texts}) {
    super();
    Object.assign(this, {bundle, addresses, saved, texts});
    this.controller = new AbortController();
    this.session = null;
    this.listing = [...bundle.files].map(([path, file]) => `${file.size} ${path}`).sort().join("\n");
  }

  // Events: status (text, share of the bytes), result (the rosbag), failed (lines, whether it can go on).
  #say(type, detail) {
    if (!this.controller.signal.aborted) this.dispatchEvent(new CustomEvent(type, {detail}));
  }

  #retry(work) {
    const onRetry = () => this.#say("status", {text: this.texts.retrying});
    return withRetries(work, {signal: this.controller.signal, onRetry});
  }

  #call(address, options = {}) {
    return call(address, {signal: this.controller.signal, ...options});
  }

  async run() {
    try {
      this.session = await this.#open();
      const exists = this.session.state !== "open";
      const rosbag = exists ? this.session.rosbag : await this.#send();
      this.saved.remove(this.session.id);
      await this.#follow(rosbag, exists || rosbag.id !== this.session.id);
    } catch (error) {
      const lines = error instanceof ProblemError ? [error.message, ...error.details] : [this.texts.failed];
      this.#say("failed", {lines, resumable: Boolean(this.saved.find(this.listing))});
    }
  }

  async cancel() {
    this.controller.abort();
    const saved = this.saved.find(this.listing);
    if (saved) await discard(this.addresses, saved, this.saved);
  }

  async #open() {
    const saved = this.saved.find(this.listing);
    if (saved) {
      try {
        const current = await this.#retry(() => this.#call(`${this.addresses.uploads}/${saved.id}`));
        if (current.state === "open") {
          this.#say("status", {text: this.texts.resuming});
          return current;
        }
      } catch (error) {
        if (!(error instanceof ProblemError) || !GONE.includes(error.problem.status)) throw error;
      }
      this.saved.remove(saved.id);
    }
    this.#say("status", {text: this.texts.beginning});
    const files = [...this.bundle.files].map(([path, file]) => ({path, size: file.size}));
    const name = this.bundle.name.slice(0, 200);
    const created = await this.#call(this.addresses.uploads, {method: "POST", body: name ? {name, files} : {files}});
    if (created.state === "open") this.saved.add({id: created.id, listing: this.listing, title: this.bundle.title});
    return created;
  }

  // The session has the addresses of its first missing parts: send them and ask again until there are none.
  async #send() {
    const {texts} = this;
    const total = Math.max(this.session.size, 1);
    const initial = this.session.stored_bytes;
    const startedAt = Date.now();
    let stored = initial;
    const progress = (bytes) => {
      stored += bytes;
      const rate = (stored - initial) / Math.max(Date.now() - startedAt, 1) / 1000;
      const share = stored / total;
      this.#say("status", {share, text: `${texts.sending}: ${Math.floor(100 * share)} % (${rate.toFixed(1)} MB/s)`});
    };
    progress(0);
    const missing = () => this.session.addresses.flatMap(({path, parts}) => parts.map((part) => ({path, part})));
    for (let queue = missing(), stalled = 0; queue.length; queue = missing()) {
      const before = this.session.stored_bytes;
      await this.#sendParts(queue, progress);
      this.session = await this.#retry(() => this.#call(`${this.addresses.uploads}/${this.session.id}`));
      stored = this.session.stored_bytes;
      stalled = stored > before ? 0 : stalled + 1;
      if (stalled === MAX_ATTEMPTS) throw new ProblemError({status: 410, detail: texts.failed});
    }
    this.#say("status", {share: 1, text: texts.joining});
    const address = `${this.addresses.uploads}/${this.session.id}/complete`;
    return this.#retry(() => this.#call(address, {method: "POST", body: {}}));
  }

  // Several at a time; the first address that has expired, or failure, ends the round.
  async #sendParts(queue, progress) {
    const {signal} = this.controller;
    const worker = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const {path, part} = next;
        try {
          if (await this.#retry(() => sendPart(this.bundle.files.get(path), part, signal))) progress(part.size);
          else queue.length = 0;
        } catch (error) {
          queue.length = 0;
          throw error;
        }
      }
    };
    const results = await Promise.allSettled(Array.from({length: MAX_CONCURRENT}, worker));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #follow(rosbag, exists) {
    let current = rosbag;
    while (current.status === "verifying") {
      this.#say("status", {share: 1, text: this.texts.checking, rosbag: current.id});
      await delay(1000);
      if (this.controller.signal.aborted) return;
      current = await this.#retry(() => this.#call(this.addresses.rosbag.replace(/0$/, rosbag.id)));
    }
    this.#say("result", {rosbag: current, exists});
  }
}

// Ends a session; its parts are removed.
export async function discard(addresses, row, saved) {
  try {
    await call(`${addresses.uploads}/${row.id}`, {method: "DELETE"});
  } catch (error) {
    if (!(error instanceof ProblemError) || !GONE.includes(error.problem.status)) throw error;
  }
  saved.remove(row.id);
}
