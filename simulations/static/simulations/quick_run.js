// The summary beside the form follows what is entered; a run that waits for the verification of its rosbag starts
// by itself once the rosbag is ready. A dropped bundle is uploaded and chosen.
import {uploads} from "./quick_run_upload.js";

const form = document.getElementById("quick-run");
const summary = document.getElementById("quick-run-summary");
const rosbag = form.elements.rosbag;
const submit = form.querySelector("button[type=submit]");
const WAIT_MS = 1000;
let timer = 0;
let request = null;

function schedule(milliseconds) {
  window.clearTimeout(timer);
  timer = window.setTimeout(refresh, milliseconds);
}

async function refresh() {
  if (request) request.abort();
  request = new AbortController();
  const query = new URLSearchParams(new FormData(form));
  query.delete("csrfmiddlewaretoken");
  if (form.dataset.waiting) query.set("waiting", "1");
  try {
    const response = await fetch(`${form.dataset.summary}?${query}`, {signal: request.signal});
    if (!response.ok) throw new Error(response.statusText);
    summary.innerHTML = await response.text();
  } catch (error) {
    if (error.name !== "AbortError") schedule(2 * WAIT_MS);
    return;
  }
  proceed(summary.querySelector("[data-state]").dataset.state);
}

function proceed(state) {
  if (state === "verifying") {
    schedule(WAIT_MS);
  } else if (form.dataset.waiting) {
    delete form.dataset.waiting;
    if (state === "ready") form.requestSubmit();
  }
}

function choose(id, name) {
  rosbag.replaceChildren(new Option(name, id, true, true));
  window.django.jQuery(rosbag).trigger("change");
}

const upload = uploads(form, choose);

// Select2 only triggers jQuery events.
window.django.jQuery(rosbag).on("change", () => schedule(0));
form.addEventListener("input", () => schedule(250));
form.addEventListener("submit", (event) => {
  if (upload.holds()) event.preventDefault();
  else window.setTimeout(() => { submit.disabled = true; });
});
window.addEventListener("pageshow", () => { submit.disabled = false; });
summary.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pick]");
  if (button) choose(button.dataset.pick, button.dataset.name);
});
proceed(summary.querySelector("[data-state]").dataset.state);
