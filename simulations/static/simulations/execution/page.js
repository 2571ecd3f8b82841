/** The live page of an execution: puts the stream, the refresher and what they show together. */
import { AgentGrid } from "./agent_grid.js";
import { Banner } from "./banner.js";
import { Connection } from "./connection.js";
import { setForm } from "./format.js";
import { replace } from "./fragments.js";
import { drawHistogram } from "./histogram.js";
import { Log } from "./log.js";
import { Numbers } from "./numbers.js";
import { Refresher } from "./refresher.js";
import { Timeline } from "./timeline.js";

const AGENTS_MS = 3000;
const LOG_MS = 2000;
const RECORDINGS_MS = 10000;
const RETRY_MS = 3000;

const page = JSON.parse(document.getElementById("execution-page").textContent);
const { texts } = page;
setForm(page.zone, texts);
const numbers = new Numbers(texts);
const banner = new Banner(document.getElementById("connection"), texts, page.signIn);
const timeline = new Timeline(document.getElementById("timeline"), texts, () => numbers.now());
const log = new Log(texts, () => refresher.want("log"));
const grid = new AgentGrid(document.getElementById("agents"), page.legend, texts, (agent) =>
  log.choose(agent, () => refresher.want("log")),
);
const everything = [...page.refreshed, "progress", "agents", "timeline", "log"];
let ended = page.ended;
let counts = "";
let agents;

const show = {
  progress(progress) {
    const changed = JSON.stringify(progress.agents);
    if (counts && changed !== counts) refresher.want("agents", "summary", "subscribers");
    counts = changed;
    numbers.showProgress(progress);
    numbers.tick();
  },
  agents(data) {
    agents = data;
    grid.show(data);
    drawHistograms();
    numbers.showAgents(data);
  },
  timeline: (data) => timeline.show(data),
  log: (data) => log.show(data),
};

function drawHistograms() {
  for (const name of ["lateness", "skew"]) drawHistogram(document.getElementById(name), agents[name], texts);
}

function shown(answer) {
  numbers.setClock(answer.now);
  for (const [name, html] of Object.entries(answer.html)) replace(name, html);
  for (const [name, data] of Object.entries(answer.data)) show[name](data);
  numbers.tick();
  if (banner.lost) catchUp();
  if (answer.ended && !ended) end();
}

/** The server answers again: the stream, where it is still broken, is opened anew. */
function catchUp() {
  if (connection.isOpen) banner.showBack();
  else connection.open();
}

function lost() {
  if (banner.lost || ended) return;
  banner.showLost(numbers.now());
}

function end() {
  ended = true;
  connection.close();
  banner.hide();
  refresher.want(...everything);
}

function stop(showReason) {
  ended = true;
  connection.close();
  refresher.close();
  showReason();
}

const refresher = new Refresher(page.panels, {
  shown,
  failed: lost,
  signedOut: () => stop(() => banner.showSignedOut()),
  gone: () => stop(() => banner.showGone()),
  query: () => log.query(),
});

const connection = new Connection(page.stream, page.data.progress.last_event, {
  progress: show.progress,
  event: () => refresher.want(...page.refreshed, "timeline"),
  end,
  lost: () => {
    lost();
    refresher.want(...everything);
  },
  open: () => {
    if (!banner.lost) return;
    banner.showBack();
    refresher.want(...everything);
  },
});

function every(ms, action) {
  setInterval(() => {
    if (!ended && !document.hidden) action();
  }, ms);
}

numbers.setClock(page.now);
for (const [name, data] of Object.entries(page.data)) show[name](data);
new ResizeObserver(() => {
  timeline.draw();
  drawHistograms();
}).observe(document.getElementById("timeline"));
document.addEventListener("click", (event) => {
  const name = event.target.closest("[data-dialog]")?.dataset.dialog;
  if (name) document.getElementById(name).showModal();
});
document.getElementById("plan").addEventListener("toggle", () => refresher.want("plan"), { once: true });
refresher.want("log");
if (!ended) {
  connection.open();
  every(1000, () => {
    numbers.tick();
    timeline.draw();
  });
  every(AGENTS_MS, () => refresher.want("agents"));
  every(RECORDINGS_MS, () => refresher.want("recordings"));
  every(LOG_MS, () => log.visible && refresher.want("log"));
  every(RETRY_MS, () => banner.lost && refresher.want(...everything));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !ended) refresher.want(...everything);
  });
}
