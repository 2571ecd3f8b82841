/** Agents as squares, one each; of very many, squares that stand for a block of agents, which open one by one. */
import { fill, number } from "./format.js";

const MAX_SQUARES = 500;
const FEW = 60;
const MANY_STAGES = 6;

export class AgentGrid {
  /** `choose(number)` is called with the agent that the reader has chosen. */
  constructor(place, legend, texts, choose) {
    this.place = place;
    this.legend = legend;
    this.texts = texts;
    this.choose = choose;
    this.range = null; // the agents that are shown one by one, of very many
    place.addEventListener("click", (event) => this.onClick(event));
    place.addEventListener("keydown", (event) => this.onKey(event));
  }

  show(data) {
    this.data = data;
    const shape = JSON.stringify([data.stages.map((stage) => [stage.position, stage.codes.length]), this.range]);
    if (shape !== this.shape) this.build(shape);
    this.update();
  }

  get total() {
    return this.data.stages.reduce((sum, stage) => sum + stage.codes.length, 0);
  }

  /** Agents in one square: whole units, so that a square is one place of the backend. */
  get blockSize() {
    if (this.range || this.total <= MAX_SQUARES) return 1;
    const unit = this.data.agents_per_unit;
    return Math.ceil(this.total / MAX_SQUARES / unit) * unit;
  }

  build(shape) {
    const focus = this.place.contains(document.activeElement);
    this.shape = shape;
    this.squares = [];
    const size = this.blockSize;
    const parts = this.data.stages.map((stage) => this.stagePart(stage, size)).filter(Boolean);
    this.counts = Object.assign(document.createElement("div"), { className: "legend" });
    const stages = document.createElement("div");
    stages.className = `agent-stages${this.data.stages.length > MANY_STAGES ? " many" : ""}`;
    stages.append(...parts);
    this.place.replaceChildren(...(this.range ? [this.backButton()] : []), stages, this.counts);
    const hint = size > 1 ? this.texts.blocks : this.texts.squares;
    document.getElementById("agents-hint").textContent = fill(hint, { count: number(size) });
    if (this.squares[0]) this.squares[0].node.tabIndex = 0;
    if (focus) this.squares[0]?.node.focus({ preventScroll: true });
  }

  stagePart(stage, size) {
    const last = stage.first + stage.codes.length - 1;
    const [from, to] = this.range ?? [stage.first, last];
    if (from > last || to < stage.first) return null;
    const grid = document.createElement("div");
    const few = this.total <= FEW ? " few" : "";
    grid.className = `agents${size > 1 ? " blocks" : ""}${few}`;
    grid.setAttribute("role", "group");
    grid.setAttribute("aria-label", `${stage.position} ${stage.name}`);
    for (let first = Math.max(from, stage.first); first <= Math.min(to, last); first += size) {
      const node = Object.assign(document.createElement("button"), { type: "button", tabIndex: -1 });
      const index = this.squares.push({ node, stage: stage.position, first, size: Math.min(size, last - first + 1) });
      node.dataset.index = index - 1;
      grid.append(node);
    }
    if (this.data.stages.length === 1) return grid;
    const part = document.createElement("div");
    part.append(Object.assign(document.createElement("h3"), { textContent: `${stage.position} ${stage.name}` }), grid);
    return part;
  }

  backButton() {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "btn small", textContent: this.texts.all });
    button.addEventListener("click", () => this.zoom(null));
    return button;
  }

  zoom(range) {
    this.range = range;
    this.show(this.data);
  }

  update() {
    const stages = new Map(this.data.stages.map((stage) => [stage.position, stage]));
    for (const square of this.squares) {
      const stage = stages.get(square.stage);
      const codes = stage.codes.slice(square.first - stage.first, square.first - stage.first + square.size);
      if (codes === square.codes) continue;
      square.codes = codes;
      if (square.size === 1) this.paintAgent(square);
      else this.paintBlock(square);
    }
    this.showCounts();
  }

  paintAgent({ node, first, codes }) {
    const state = this.legend[codes];
    node.className = `agent ${state.status.toLowerCase()}`;
    const label = fill(this.texts.agent, { number: first, state: state.label });
    node.title = label;
    node.setAttribute("aria-label", label);
  }

  paintBlock({ node, first, size, codes }) {
    const counts = countCodes(codes);
    const failed = (counts.get("f") ?? 0) + (counts.get("l") ?? 0);
    node.className = `block${failed ? " failed" : ""}`;
    let share = 0;
    const stops = [...counts].map(([code, count]) => {
      const from = share;
      share += (100 * count) / size;
      return `var(--state-${this.legend[code].status.toLowerCase()}) ${from}% ${share}%`;
    });
    node.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    const states = [...counts].map(([code, count]) => `${number(count)} ${this.legend[code].label}`).join(", ");
    const label = fill(this.texts.block, { first, last: first + size - 1, states });
    node.title = label;
    node.setAttribute("aria-label", label);
  }

  showCounts() {
    const counts = countCodes(this.data.stages.map((stage) => stage.codes).join(""));
    const rows = [...counts].map(([code, count]) => {
      const row = document.createElement("span");
      row.append(Object.assign(document.createElement("i"), { className: `agent ${this.legend[code].status.toLowerCase()}` }));
      row.append(`${this.legend[code].label} ${number(count)}`);
      return row;
    });
    this.counts.replaceChildren(...rows);
  }

  onClick(event) {
    const square = this.squares[event.target.dataset?.index];
    if (!square) return;
    this.focusSquare(Number(event.target.dataset.index));
    if (square.size === 1) this.choose(square.first);
    else this.zoom([square.first, square.first + square.size - 1]);
  }

  onKey(event) {
    const index = Number(event.target.dataset?.index ?? NaN);
    if (Number.isNaN(index)) return;
    if (event.key === "Escape" && this.range) return this.zoom(null);
    const columns = this.columns(event.target.parentElement);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const target = event.key === "Home" ? 0 : event.key === "End" ? this.squares.length - 1 : index + (step ?? NaN);
    if (!this.squares[target]) return;
    event.preventDefault();
    this.focusSquare(target);
  }

  focusSquare(index) {
    this.place.querySelector('button[tabindex="0"]')?.setAttribute("tabindex", "-1");
    this.squares[index].node.tabIndex = 0;
    this.squares[index].node.focus();
  }

  columns(grid) {
    return getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  }
}

/** Number of each code, in the order of an agent's life. */
function countCodes(codes) {
  const counts = new Map([..."cRurs-xfl"].map((code) => [code, 0]));
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
  return new Map([...counts].filter(([, count]) => count));
}
