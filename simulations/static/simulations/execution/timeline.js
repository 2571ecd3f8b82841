/** The time line of an execution on the wall clock, as wide as its place; drawn again as time goes on. */
import { time } from "./format.js";
import { element, text, title } from "./svg.js";

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
const ROW = 28;
const LABEL_WIDTH = 132;
const NARROW = 560;
const LETTER = 6.9; // about the width of a letter of the labels
const LANES = 3;

export class Timeline {
  constructor(place, texts, now) {
    this.place = place;
    this.texts = texts;
    this.now = now;
  }

  show(data) {
    this.data = data;
    this.draw();
  }

  /** Draw what is there; while it runs, up to now. */
  draw() {
    const data = this.data;
    if (!data) return;
    this.width = Math.max(240, this.place.clientWidth || 800);
    this.narrow = this.width < NARROW;
    this.left = this.narrow ? 0 : LABEL_WIDTH;
    this.row = this.narrow ? ROW + 14 : ROW;
    this.end = data.live ? Math.max(data.end, this.now()) : data.end;
    const body = data.rows.length * this.row + 6;
    const marks = this.marks(body);
    const height = body + 20 + marks.lanes * 15;
    const svg = element("svg", { width: this.width, height, role: "img", "aria-label": this.texts.timeline, class: "timeline" });
    svg.append(...this.axis(body), ...data.rows.flatMap((row, index) => this.drawRow(row, index)), ...marks.nodes);
    this.place.replaceChildren(svg);
  }

  x(ms) {
    const span = Math.max(1, this.end - this.data.begin);
    const share = Math.min(1, Math.max(0, (ms - this.data.begin) / span));
    return this.left + share * (this.width - this.left - 8);
  }

  axis(body) {
    const span = (this.end - this.data.begin) / 1000;
    const room = (this.width - this.left) / 84;
    const step = (STEPS.find((seconds) => span / seconds <= room) ?? 86400) * 1000;
    const nodes = [];
    for (let at = Math.ceil(this.data.begin / step) * step; at <= this.end; at += step) {
      const x = this.x(at);
      nodes.push(element("line", { x1: x, x2: x, y1: 0, y2: body, class: "rule" }));
      if (x < this.width - 30) nodes.push(text(time(at), { x, y: body + 13, "text-anchor": x < this.left + 25 ? "start" : "middle" }));
    }
    return nodes;
  }

  drawRow(row, index) {
    const y = index * this.row + (this.narrow ? 17 : 6);
    const label = shorten(row.label, this.narrow ? this.width : LABEL_WIDTH - 16);
    const place = { x: 0, y: this.narrow ? y - 4 : y + 12, class: "label" };
    return [
      element("g", {}, [text(label, place), title(row.label)]),
      ...row.bars.map((bar) => this.bar(bar, y)),
      ...row.ticks.map((tick) => this.tick(tick, y)),
    ];
  }

  bar(bar, y) {
    const x = this.x(bar.from);
    const end = bar.to ?? (this.data.live ? this.now() : this.data.end);
    const width = Math.max(2, this.x(end) - x);
    const words = `${bar.title}: ${time(bar.from)} – ${bar.to ? time(bar.to) : this.texts.now}`;
    return element("rect", { x, y, width, height: 16, rx: 3, class: `span ${bar.tone}` }, [title(words)]);
  }

  tick(tick, y) {
    const words = `${time(tick.at)} ${tick.title}`;
    const place = { x: this.x(tick.at) - 2, y, width: 4, height: 16, rx: 1, class: `span ${tick.tone}` };
    return element("rect", place, [title(words)]);
  }

  /** Lines across all rows; their labels go to the first lane in which they meet no other. */
  marks(body) {
    const marks = [...this.data.marks];
    if (this.data.live) marks.push({ at: this.now(), label: this.texts.now, tone: "now" });
    const ends = [];
    const nodes = [];
    for (const mark of marks.sort((one, other) => one.at - other.at)) {
      const x = this.x(mark.at);
      nodes.push(element("line", { x1: x, x2: x, y1: 0, y2: body, class: `mark ${mark.tone}` }, [title(`${mark.label} ${time(mark.at)}`)]));
      const label = `${mark.label} ${time(mark.at)}`;
      const width = label.length * LETTER;
      const begin = Math.min(x, this.width - width);
      const lane = Array.from({ length: LANES }, (_, n) => n).find((n) => (ends[n] ?? -10) + 8 < begin);
      if (lane === undefined) continue;
      ends[lane] = begin + width;
      nodes.push(text(label, { x: begin, y: body + 28 + lane * 15, class: `mark-label ${mark.tone}` }));
    }
    return { nodes, lanes: ends.length };
  }
}

function shorten(label, width) {
  const wide = [...label].reduce((sum, letter) => sum + (letter.charCodeAt(0) > 0x1100 ? 12 : LETTER), 0);
  if (wide <= width) return label;
  return `${label.slice(0, Math.max(4, Math.floor((label.length * width) / wide) - 1))}…`;
}
