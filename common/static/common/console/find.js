// The search over everything: a dialog that opens on Ctrl-K, with results while one types.

const PAUSE_MS = 150;
const dialog = document.getElementById("find");
const input = dialog.querySelector("input");
const results = document.getElementById("find-results");
let timer = 0;
let request = null;
let shown = "";

function open() {
  if (!dialog.open) dialog.showModal();
  input.select();
}

function options() {
  return [...results.querySelectorAll("[role=option]")];
}

function choose(option) {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  if (option) {
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

function chosen() {
  return options().find((option) => option.getAttribute("aria-selected") === "true");
}

function move(step) {
  const all = options();
  if (all.length) choose(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
}

async function search() {
  const text = input.value.trim();
  if (text === shown) return;
  request?.abort();
  if (!text) return show("", "");
  request = new AbortController();
  const { signal } = request;
  const query = new URLSearchParams({ q: text, part: "results" });
  try {
    const response = await fetch(`${input.form.action}?${query}`, { signal });
    if (response.redirected) return location.reload(); // signed out
    if (!response.ok) throw new Error(String(response.status));
    show(text, await response.text());
  } catch {
    if (!signal.aborted) lose();
  }
}

function show(text, html) {
  shown = text;
  const page = new DOMParser().parseFromString(html, "text/html");
  results.replaceChildren(...page.body.childNodes);
  const first = options()[0];
  input.setAttribute("aria-expanded", String(Boolean(first)));
  choose(first);
}

function lose() {
  show("", "");
  const line = document.createElement("p");
  line.className = "why";
  line.setAttribute("role", "alert");
  line.textContent = dialog.dataset.lost;
  results.append(line);
}

function plan() {
  clearTimeout(timer);
  timer = setTimeout(search, PAUSE_MS);
}

// A syllable that is being composed is not a word yet, and its Enter ends the syllable only.
input.addEventListener("input", (event) => event.isComposing || plan());
input.addEventListener("compositionend", plan);
input.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "Escape") dialog.close(); // a search field would only be emptied
  else if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Enter" && input.value.trim() === shown) chosen()?.click();
  else return;
  if (event.key !== "Enter" || options().length) event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  event.preventDefault();
  open();
});
document.querySelector("[data-find]").addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open();
});
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
