// The page of a rosbag: its parts, the range of its time line, its previews.
import {follow, listen, loadInView} from "./fragments.js";
import {Range} from "./range.js";
import {Series} from "./series.js";
import {Views, choose} from "./views.js";

const page = document.querySelector("[data-rosbag]");
const texts = JSON.parse(document.getElementById("rosbag-texts").textContent);
const line = document.getElementById("time-line");
const range = line && new Range(line, texts);
const stateOf = (root) => root.querySelector("[data-state]")?.dataset.state;
const state = stateOf(page);
let views = null;
let series = null;
let wanted = "";

function linkRange() {
  for (const link of document.querySelectorAll("[data-range-link]")) {
    const address = new URL(link.href);
    address.search = new URLSearchParams(range.query);
    link.href = address;
  }
}

function showPreviews(root) {
  const box = root.querySelector("[data-series]");
  if (!box) return; // no topic has messages that can be read
  views = new Views(root, {range, texts});
  const {api, uplot, start} = page.dataset;
  series = new Series(box, {api, uplot, startNs: Number(start), range, texts});
  if (wanted) preview(wanted);
  else if (!series.note.textContent) series.offer(2); // else the server says why the topic has no fields
}

function preview(topic) {
  views.show(topic);
  choose(series.form.elements.topic, topic);
  series.offer(1);
  document.getElementById("messages").scrollIntoView();
}

page.addEventListener("fragment", (event) => {
  const part = event.target;
  if (part.id === "preview") showPreviews(part);
  if ((stateOf(part) || state) !== state) window.location.reload(); // the verdict is there
  else follow(part, texts);
});
page.addEventListener("click", (event) => {
  const topic = event.target.dataset?.preview;
  if (!topic) return;
  if (views) preview(topic);
  else {
    wanted = topic;
    document.getElementById("preview").scrollIntoView();
  }
});
range?.addEventListener("input", linkRange);
listen(page, texts);
for (const part of page.querySelectorAll("[data-fragment]")) {
  if ("lazy" in part.dataset) loadInView(part, part.dataset.fragment, texts);
  else follow(part, texts);
}
