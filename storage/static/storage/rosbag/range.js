// The range chosen on the time line: by dragging, by its handles (arrow keys too), or in the fields below.
const STEP = 0.01;

// Events: `input` at once, `change` when the range rests.
export class Range extends EventTarget {
  constructor(section, texts) {
    super();
    this.section = section;
    this.texts = texts;
    this.most = Number(section.dataset.duration);
    this.plot = section.querySelector("[data-plot]");
    this.window = section.querySelector("[data-window]");
    this.form = section.querySelector("[data-range]");
    this.start = 0;
    this.end = this.most;
    this.#listen();
    this.#show();
  }

  get whole() {
    return this.start === 0 && this.end === this.most;
  }

  // The range as the server reads it; nothing for the whole recording.
  get query() {
    return this.whole ? {} : {start: `${this.start.toFixed(3)}s`, end: `${this.end.toFixed(3)}s`};
  }

  set(start, end) {
    const clamp = (value) => Math.min(this.most, Math.max(0, Number.isFinite(value) ? value : 0));
    const round = (value) => (value === this.most ? value : Math.round(value * 1000) / 1000);
    const [first, last] = [clamp(start), clamp(end)].sort((one, other) => one - other);
    this.start = round(first);
    this.end = round(last);
    this.#show();
    this.dispatchEvent(new Event("input"));
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.dispatchEvent(new Event("change")), 250);
  }

  #show() {
    const share = (value) => `${(100 * value) / this.most}%`;
    this.window.hidden = this.whole;
    this.window.style.left = share(this.start);
    this.window.style.width = share(this.end - this.start);
    for (const handle of this.plot.querySelectorAll("[data-handle]")) {
      const value = this[handle.dataset.handle];
      handle.style.left = share(value);
      handle.setAttribute("aria-valuenow", value);
      handle.setAttribute("aria-valuetext", `${value} s`);
    }
    for (const name of ["start", "end"]) {
      const field = this.form.elements[name];
      if (Number(field.value) !== this[name]) field.value = this[name];
    }
    this.form.querySelector("[data-clear]").hidden = this.whole;
    this.form.querySelector("[data-length]").textContent =
      this.whole ? this.texts.whole : `${(this.end - this.start).toFixed(3)} s`;
  }

  #listen() {
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("change", () => {
      const {start, end} = this.form.elements;
      this.set(Number(start.value), end.value === "" ? this.most : Number(end.value));
    });
    this.form.querySelector("[data-clear]").addEventListener("click", () => this.set(0, this.most));
    this.plot.addEventListener("keydown", (event) => this.#onKey(event));
    this.plot.addEventListener("pointerdown", (event) => this.#onPointer(event));
  }

  #onKey(event) {
    const name = event.target.dataset.handle;
    const step = this.most * STEP * (event.shiftKey ? 10 : 1);
    const moves = {
      ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step, PageDown: -10 * step, PageUp: 10 * step,
      Home: -this.most, End: this.most,
    };
    if (!name || !(event.key in moves)) return;
    event.preventDefault();
    const value = this[name] + moves[event.key];
    if (name === "start") this.set(Math.min(value, this.end), this.end);
    else this.set(this.start, Math.max(value, this.start));
  }

  #onPointer(event) {
    if (event.button !== 0) return;
    const box = this.plot.getBoundingClientRect();
    const at = (where) => (this.most * (where.clientX - box.left)) / box.width;
    const name = event.target.dataset.handle;
    const fixed = name === "start" ? this.end : name === "end" ? this.start : at(event);
    const first = event.clientX;
    const move = (where) => {
      if (name || Math.abs(where.clientX - first) > 3) this.set(fixed, at(where));
    };
    const stop = () => {
      this.plot.removeEventListener("pointermove", move);
      this.plot.removeEventListener("pointerup", stop);
      this.plot.removeEventListener("pointercancel", stop);
    };
    this.plot.setPointerCapture(event.pointerId);
    this.plot.addEventListener("pointermove", move);
    this.plot.addEventListener("pointerup", stop);
    this.plot.addEventListener("pointercancel", stop);
  }
}
