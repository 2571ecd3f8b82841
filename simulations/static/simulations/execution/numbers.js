/** Numbers and bars of the summary and of the stages, from each progress and each second. */
import { duration, fill, fraction, microseconds, number, size, time } from "./format.js";

const find = (scope, name) => scope?.querySelector(`[data-value="${name}"]`);

function set(scope, name, text) {
  const element = find(scope, name);
  if (element && element.textContent !== text) element.textContent = text;
}

function setBar(scope, name, percent) {
  const bar = find(scope, name);
  if (bar) bar.value = percent;
}

const stageRow = (position) => document.querySelector(`[data-stage="${position}"]`);
const summary = () => document.querySelector('[data-panel="summary"]');

export class Numbers {
  constructor(texts) {
    this.texts = texts;
    this.offset = 0; // of the server's clock, in ms
  }

  setClock(serverNow) {
    this.offset = serverNow - Date.now();
  }

  now() {
    return Date.now() + this.offset;
  }

  showProgress(progress) {
    const scope = summary();
    this.expected = progress.expected_end ? Date.parse(progress.expected_end) : null;
    set(scope, "overall", number(progress.overall));
    setBar(scope, "overall-bar", progress.overall);
    set(scope, "agents", this.counts(progress.agents) || this.texts.none);
    set(scope, "messages", number(progress.messages_published));
    this.showResources(scope, progress);
    for (const stage of progress.stages) this.showStage(stage);
  }

  /** CPU and memory of units now; what has ended has its own numbers. */
  showResources(scope, { cpu_cores: cores, memory_bytes: memory }) {
    if (typeof cores !== "number" || typeof memory !== "number") return;
    set(scope, "resources", fill(this.texts.resources, { cores: fraction(cores), memory: size(memory) }));
  }

  showStage(stage) {
    const row = stageRow(stage.position);
    setBar(row, "bar", stage.percent);
    set(row, "percent", `${number(stage.percent)} %`);
    set(row, "messages", number(stage.messages_published));
    this.showResources(row, stage);
    const counts = this.counts(stage.agents);
    if (counts) set(row, "agents", counts);
  }

  /** Worst lateness and skew, in all and for each stage. */
  showAgents(agents) {
    set(summary(), "lateness", microseconds(agents.lateness?.worst));
    set(summary(), "skew", microseconds(agents.skew?.worst));
    for (const stage of agents.stages) {
      set(stageRow(stage.position), "lateness", microseconds(stage.lateness));
      set(stageRow(stage.position), "skew", microseconds(stage.skew));
    }
  }

  counts(agents) {
    const rows = Object.entries(agents).filter(([, count]) => count);
    return rows.map(([state, count]) => `${number(count)} ${this.texts[`state.${state}`] ?? state}`).join(", ");
  }

  /** What changes with the clock alone. */
  tick() {
    const elapsed = find(summary(), "elapsed");
    if (elapsed && !elapsed.dataset.end) {
      elapsed.textContent = duration(this.now() - Date.parse(elapsed.dataset.begin));
    }
    const until = find(summary(), "until");
    if (until) until.textContent = this.expected && !elapsed?.dataset.end ? this.remaining() : "";
  }

  remaining() {
    const left = this.expected - this.now();
    if (left < 1000) return this.texts.overdue;
    const expected = fill(this.texts.expected, { time: time(this.expected) });
    return `${fill(this.texts.left, { time: duration(left) })} · ${expected}`;
  }
}
