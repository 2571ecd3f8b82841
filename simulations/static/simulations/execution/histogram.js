/** A histogram of times in µs over the agents. */
import { fill, microseconds, number } from "./format.js";
import { element, text, title } from "./svg.js";

const HEIGHT = 96;
const BASE = 76;

/** Draw `data` (bounds, counts, worst) into `place`, as wide as it is. */
export function drawHistogram(place, data, texts) {
  if (!data) {
    place.replaceChildren(Object.assign(document.createElement("p"), { className: "quiet", textContent: texts.noMeasures }));
    return;
  }
  const width = Math.max(160, place.clientWidth || 280);
  const caption = fill(texts.worst, { value: microseconds(data.worst) });
  const svg = element("svg", { width, height: HEIGHT, role: "img", "aria-label": caption, class: "histogram" });
  svg.append(...bars(data, width, texts), ...axis(data, width));
  const note = document.createElement("p");
  note.className = "quiet";
  const above = data.above ? fill(texts.above, { count: number(data.above), value: microseconds(data.high) }) : "";
  note.textContent = [caption, above].filter(Boolean).join(" · ");
  place.replaceChildren(svg, note);
}

function bars(data, width, texts) {
  const most = Math.max(...data.counts, 1);
  const step = width / data.counts.length;
  const size = (data.high - data.low) / data.counts.length;
  return data.counts.map((count, index) => {
    const height = count ? Math.max(2, (count / most) * (BASE - 6)) : 0;
    const bar = { x: index * step, y: BASE - height, width: Math.max(1, step - 1.5), height, rx: 1.5, class: "bin" };
    const from = microseconds(data.low + index * size);
    const to = microseconds(data.low + (index + 1) * size);
    return element("rect", bar, [title(fill(texts.bin, { from, to, count: number(count) }))]);
  });
}

function axis(data, width) {
  const y = BASE + 14;
  return [
    element("line", { x1: 0, x2: width, y1: BASE + 0.5, y2: BASE + 0.5, class: "axis" }),
    text(microseconds(data.low), { x: 0, y }),
    text(microseconds((data.low + data.high) / 2), { x: width / 2, y, "text-anchor": "middle" }),
    text(microseconds(data.high), { x: width, y, "text-anchor": "end" }),
  ];
}
