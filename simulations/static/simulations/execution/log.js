/** The log: lines that follow, of all agents or of one; it pauses while the reader has scrolled up. */

export class Log {
  /** `refresh()` asks for the lines that the filter selects. */
  constructor(texts, refresh) {
    this.place = document.getElementById("log");
    this.form = document.getElementById("log-filter");
    this.note = document.getElementById("log-note");
    this.paused = document.getElementById("log-paused");
    this.texts = texts;
    this.mark = "";
    this.visible = false;
    this.form.addEventListener("input", () => this.changed(refresh));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.place.addEventListener("scroll", () => this.showPause());
    new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      if (this.visible && !this.mark) refresh();
    }).observe(this.place);
    this.changed = debounced(this.changed.bind(this));
  }

  changed(refresh) {
    this.mark = "";
    refresh();
  }

  /** Read the log of an agent. */
  choose(number, refresh) {
    this.form.elements.agent.value = number;
    this.mark = "";
    this.place.scrollIntoView({ block: "center" });
    this.place.focus({ preventScroll: true });
    refresh();
  }

  query() {
    return { agent: this.form.elements.agent.value, level: this.form.elements.level.value, mark: this.mark };
  }

  show({ mark, lines, note }) {
    this.note.textContent = note;
    this.note.hidden = !note;
    if (lines === null) return;
    const follows = this.atEnd || !this.mark;
    this.mark = mark;
    if (lines.length) this.place.replaceChildren(...lines.flatMap(lineNodes));
    else this.place.textContent = this.texts.noLines;
    if (follows) this.place.scrollTop = this.place.scrollHeight;
    this.showPause();
  }

  get atEnd() {
    return this.place.scrollHeight - this.place.scrollTop - this.place.clientHeight < 24;
  }

  showPause() {
    const paused = !this.atEnd;
    if (paused === !this.paused.hidden) return;
    this.paused.hidden = !paused;
    this.paused.textContent = paused ? this.texts.paused : "";
  }
}

function lineNodes({ time, level, text, unit }) {
  const serious = level !== "info" && level !== "debug";
  const stamp = Object.assign(document.createElement(serious ? "em" : "b"), { textContent: time.slice(11, 19) || "…" });
  const head = serious ? ` ${unit} ${level.toUpperCase()} ` : ` ${unit} `;
  return [stamp, `${head}${text}\n`];
}

function debounced(action, ms = 250) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), ms);
  };
}
