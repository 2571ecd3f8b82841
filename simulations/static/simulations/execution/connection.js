/** The event stream of an execution: opened again when it breaks, from the last event that was received. */
const RETRY_MS = 3000;
const GRACE_MS = 4000; // the server ends a stream now and then, and it is open again within two seconds

export class Connection {
  /** `on` has the functions `progress`, `event`, `end`, `lost` and `open`. */
  constructor(url, lastEvent, on) {
    this.url = url;
    this.lastEvent = lastEvent;
    this.on = on;
    this.closed = false;
  }

  open() {
    if (this.closed) return;
    this.source?.close();
    const source = new EventSource(`${this.url}?last_event_id=${this.lastEvent}`);
    this.source = source;
    source.addEventListener("open", () => this.opened());
    source.addEventListener("error", () => this.failed(source));
    source.addEventListener("progress", (message) => this.on.progress(JSON.parse(message.data)));
    source.addEventListener("event", (message) => this.received(message));
    source.addEventListener("gap", (message) => this.received(message));
    source.addEventListener("end", () => {
      this.close();
      this.on.end();
    });
  }

  get isOpen() {
    return this.source?.readyState === EventSource.OPEN;
  }

  /** Close for good. */
  close() {
    this.closed = true;
    this.source?.close();
    clearTimeout(this.grace);
    clearTimeout(this.retry);
  }

  opened() {
    clearTimeout(this.grace);
    this.grace = undefined;
    this.on.open();
  }

  received(message) {
    this.lastEvent = Number(message.lastEventId) || this.lastEvent;
    this.on.event();
  }

  failed(source) {
    if (this.closed || source !== this.source) return;
    this.grace ??= setTimeout(() => this.on.lost(), GRACE_MS);
    if (source.readyState === EventSource.CLOSED) {
      // The browser gives up on an answer that is no stream, such as that of a proxy without its server.
      clearTimeout(this.retry);
      this.retry = setTimeout(() => this.open(), RETRY_MS);
    }
  }
}
