// The page of a simulation: the preview follows the form, unsaved changes are named, stages are edited in place.
import { Stages } from "./stages.js";
import { refresh, syncChildren } from "../common/console/refresh.js";

const DELAY_MS = 350;
const form = document.getElementById("simulation_form");
const preview = document.getElementById("preview");
const texts = JSON.parse(document.getElementById("design-texts").textContent);
const status = document.getElementById("design-status");

let timer = 0;
let request = null;
let sent = false;
let stored = "";

function say(text) {
  status.textContent = "";
  requestAnimationFrame(() => { status.textContent = text; });
}

async function update() {
  request?.abort();
  request = new AbortController();
  preview.classList.add("stale");
  try {
    const response = await fetch(form.dataset.preview, {
      method: "POST", body: new FormData(form), signal: request.signal, redirect: "error",
    });
    if (!response.ok) throw new Error(String(response.status));
    preview.innerHTML = await response.text();
    preview.classList.remove("stale");
  } catch (error) {
    if (error.name !== "AbortError") showLost();
  }
}

function showLost() {
  if (preview.querySelector(".preview-lost")) return;
  const note = document.createElement("p");
  note.className = "why warn preview-lost";
  note.textContent = texts.previewLost;
  preview.prepend(note);
}

// The content of the form as text.
function content() {
  return new URLSearchParams(new FormData(form)).toString();
}

function onChange() {
  const start = document.querySelector("button[name=_start]");
  if (start) start.textContent = content() === stored ? texts.start : texts.saveAndStart;
  clearTimeout(timer);
  timer = setTimeout(update, DELAY_MS);
}

function warnOfUnsaved(event) {
  if (!sent && content() !== stored) event.preventDefault();
}

function refuseSecondClick(event) {
  if (sent) event.preventDefault();
  sent = true;
}

function goTo(event) {
  const link = event.target.closest(".preview-problems a");
  const target = link && document.getElementById(link.hash.slice(1));
  if (!target) return;
  event.preventDefault();
  target.scrollIntoView({ block: "center" });
  const field = target.matches("input, select, textarea") ? target : target.querySelector(".field input, .field select, .field .select2-selection, button");
  (field?.classList.contains("select2-hidden-accessible") ? field.parentElement.querySelector(".select2-selection") : field)?.focus();
}

if (form.dataset.preview) {
  const group = document.getElementById("stages-group");
  if (group?.querySelector("template")) new Stages(group, texts, say, onChange);
  stored = content();
  // Select2 speaks through jQuery, which native listeners do not hear.
  window.django.jQuery(form).on("input change", onChange);
  addEventListener("beforeunload", warnOfUnsaved);
  form.addEventListener("submit", refuseSecondClick);
  preview.addEventListener("click", goTo);
  addEventListener("online", () => preview.classList.contains("stale") && update());
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return; // shown again by the back button: another start is meant
    sent = false;
    form.elements.start_key.value = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  });
}
// What may be done next changes with the latest execution.
async function updateActions() {
  const response = await fetch(location.href);
  if (!response.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  syncChildren(document.querySelector(".acts"), page.querySelector(".acts"));
}

let state = document.querySelector(".latest")?.dataset.state;
new MutationObserver(() => {
  const now = document.querySelector(".latest")?.dataset.state;
  if (now !== state) updateActions();
  state = now;
}).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["data-state"] });

for (const part of document.querySelectorAll("#latest, #history")) refresh(part, document.getElementById("runs-lost"), texts);
