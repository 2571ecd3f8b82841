// Fields of messages over time: a chart each, by uPlot, which is loaded with the first one.
const COLOURS = ["--accent", "--ok", "--warn", "--bad", "--idle"];
const HEIGHT = 150;
const POINTS = 600;
let library = null;

function loadLibrary(address) {
  library ||= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => done(window.uPlot);
    script.onerror = failed;
    document.head.append(script);
  });
  return library;
}

async function get(address, query) {
  const response = await fetch(`${address}?${new URLSearchParams(query)}`, {
    credentials: "same-origin", headers: {Accept: "application/json"},
  });
  const data = await response.json();
  if (!response.ok) throw new Error(data.detail || data.title);
  return data;
}

export class Series {
  constructor(box, {api, uplot, startNs, range, texts}) {
    Object.assign(this, {box, api, uplot, startNs, range, texts});
    this.charts = [];
    this.form = box.querySelector("form");
    this.note = box.querySelector("[data-note]");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.add(this.form.elements.topic.value, this.form.elements.field.value);
    });
    this.form.elements.topic.addEventListener("change", () => this.offer());
    range?.addEventListener("change", () => this.charts.forEach((chart) => this.#draw(chart)));
    new ResizeObserver(() => this.#resize()).observe(box);
    new MutationObserver(() => this.#redraw()).observe(document.documentElement, {attributeFilter: ["data-theme"]});
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
  }

  // Offers the fields of the topic: floats first, the header, which only holds time and frame, last.
  async offer(first = 0) {
    const topic = this.form.elements.topic.value;
    this.note.textContent = "";
    try {
      const fields = await get(`${this.api}/fields`, {topic});
      const rank = ({path, type}) => (path.startsWith("header.") ? 2 : type.startsWith("float") ? 0 : 1);
      const paths = fields.toSorted((one, other) => rank(one) - rank(other)).map((field) => field.path);
      this.form.elements.field.replaceChildren(...paths.map((path) => new Option(path)));
      await Promise.all(paths.slice(0, first).map((path) => this.add(topic, path)));
      if (!paths.length) this.note.textContent = this.texts.no_fields;
    } catch (error) {
      this.form.elements.field.replaceChildren();
      this.note.textContent = error.message;
    }
  }

  async add(topic, field) {
    if (!field || this.charts.some((chart) => chart.topic === topic && chart.field === field)) return;
    const chart = {topic, field, colour: COLOURS[this.charts.length % COLOURS.length], plot: null};
    this.charts.push(chart);
    chart.box = document.createElement("section");
    chart.box.className = "storage-chart";
    const head = document.createElement("div");
    head.className = "storage-chart-head";
    const name = document.createElement("b");
    name.textContent = field;
    const source = document.createElement("span");
    source.className = "quiet";
    source.textContent = topic;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "btn small";
    remove.textContent = "×";
    remove.setAttribute("aria-label", `${this.texts.remove}: ${field}`);
    remove.addEventListener("click", () => this.#remove(chart));
    chart.plotBox = document.createElement("div");
    chart.note = document.createElement("p");
    chart.note.className = "quiet";
    head.append(name, source, remove);
    chart.box.append(head, chart.plotBox, chart.note);
    this.box.append(chart.box);
    await this.#draw(chart);
  }

  #remove(chart) {
    chart.plot?.destroy();
    chart.box.remove();
    this.charts = this.charts.filter((other) => other !== chart);
  }

  async #draw(chart) {
    const {topic, field} = chart;
    chart.plotBox.setAttribute("aria-busy", "true");
    try {
      const [UPlot, data] = await Promise.all([
        loadLibrary(this.uplot),
        get(`${this.api}/series`, {topic, field, points: POINTS, ...this.range?.query}),
      ]);
      chart.rows = columns(data.points, this.startNs);
      chart.UPlot = UPlot;
      const left = data.not_finite + data.missing;
      chart.note.textContent = !data.points.length ? this.texts.no_values : left ? `${this.texts.left_out}: ${left}` : "";
      this.#plot(chart);
    } catch (error) {
      chart.note.textContent = error.message;
    } finally {
      chart.plotBox.removeAttribute("aria-busy");
    }
  }

  #plot(chart) {
    chart.plot?.destroy();
    if (!chart.rows || !chart.rows[0].length) return;
    const style = getComputedStyle(document.documentElement);
    const [text, line, stroke] = ["--text-3", "--line", chart.colour].map((name) => style.getPropertyValue(name).trim());
    const axis = {stroke: text, grid: {stroke: line, width: 1}, ticks: {stroke: line, width: 1}};
    const hidden = {stroke: "transparent", points: {show: false}};
    chart.plot = new chart.UPlot({
      width: Math.max(200, chart.plotBox.clientWidth), height: HEIGHT, scales: {x: {time: false}},
      legend: {show: true, live: true},
      cursor: {sync: {key: "robotsim-series"}, drag: {x: true, y: false}},
      axes: [
        {...axis, values: (_plot, ticks) => ticks.map((tick) => `${tick} s`)},
        {...axis, size: 64, values: (_plot, ticks) => ticks.map((tick) => `${Number(tick.toPrecision(6))}`)},
      ],
      series: [
        {label: this.texts.time, value: (_plot, value) => (value === null ? "-" : `${value.toFixed(3)} s`)},
        {label: this.texts.mean, stroke, width: 1.6, points: {show: chart.rows[0].length < 3}},
        {label: this.texts.least, ...hidden},
        {label: this.texts.greatest, ...hidden},
      ],
      bands: [{series: [3, 2], fill: `color-mix(in srgb, ${stroke} 22%, transparent)`}],
    }, chart.rows, chart.plotBox);
  }

  #resize() {
    for (const {plot, plotBox} of this.charts) {
      const width = Math.max(200, plotBox.clientWidth);
      if (plot && plot.width !== width) plot.setSize({width, height: HEIGHT});
    }
  }

  #redraw() {
    this.charts.forEach((chart) => this.#plot(chart));
  }
}

// Columns of uPlot: seconds from the start, mean, least, greatest; a hole where intervals are missing.
function columns(points, startNs) {
  const rows = [[], [], [], []];
  const at = (point) => ((point.first_ns - startNs) + (point.last_ns - startNs)) / 2e9;
  const steps = points.slice(1).map((point, place) => at(point) - at(points[place])).sort((one, other) => one - other);
  const usual = steps[Math.floor(steps.length / 2)] || 0;
  points.forEach((point, place) => {
    if (place && usual && at(point) - at(points[place - 1]) > 5 * usual) {
      rows[0].push((at(point) + at(points[place - 1])) / 2);
      rows.slice(1).forEach((row) => row.push(null));
    }
    rows[0].push(at(point));
    rows[1].push(point.mean);
    rows[2].push(point.min);
    rows[3].push(point.max);
  });
  return rows;
}
