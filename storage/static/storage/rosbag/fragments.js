// Parts of the page that the server renders: loaded when they come into view, by page, again while they change.
import {show} from "../../common/console/refresh.js";

const EVERY_MS = 2000;
const timers = new WeakMap();

async function fetchText(address, options = {}) {
  const response = await fetch(address, {credentials: "same-origin", ...options});
  if (response.redirected && response.url.includes("/login/")) window.location.reload();
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return response.text();
}

export async function load(element, address, put = replace) {
  element.setAttribute("aria-busy", "true");
  try {
    put(element, await fetchText(address));
    element.dispatchEvent(new CustomEvent("fragment", {bubbles: true}));
  } finally {
    element.removeAttribute("aria-busy");
  }
}

function replace(element, html) {
  element.innerHTML = html;
}

// Loads a part that says that it still changes, again and again; a failure is shown and tried again. Who has the
// focus in it keeps it.
export function follow(element, texts) {
  window.clearTimeout(timers.get(element));
  if (!element.querySelector("[data-poll]")) return;
  timers.set(element, window.setTimeout(async () => {
    try {
      if (!document.hidden) await load(element, element.dataset.fragment, show);
      else follow(element, texts);
    } catch {
      showLost(element, texts.lost);
      follow(element, texts);
    }
  }, EVERY_MS));
}

function showLost(element, text) {
  if (element.querySelector(".live.lost")) return;
  const note = document.createElement("p");
  note.className = "live lost";
  note.setAttribute("role", "status");
  note.textContent = text;
  element.append(note);
}

export function loadInView(element, address, texts) {
  const observer = new IntersectionObserver(async (entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    await loadOrSay(element, address, texts);
  }, {rootMargin: "200px"});
  observer.observe(element);
}

export async function loadOrSay(element, address, texts) {
  try {
    await load(element, address);
  } catch {
    const note = document.createElement("p");
    note.className = "why warn";
    note.textContent = texts.failed;
    element.replaceChildren(note);
  }
}

// Pages and searches of tables, and buttons inside of a part, which then is loaded again.
export function listen(root, texts) {
  root.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-part]");
    if (!link) return;
    event.preventDefault();
    loadOrSay(link.closest("[data-fragment]"), link.href, texts);
  });
  root.addEventListener("submit", async (event) => {
    const form = event.target;
    const part = form.closest("[data-fragment]");
    if (form.dataset.part) {
      event.preventDefault();
      await loadOrSay(part, `${form.dataset.part}?${new URLSearchParams(new FormData(form))}`, texts);
      const field = part.querySelector("input[type=search]");
      if (field) field.focus();
    } else if ("post" in form.dataset) {
      event.preventDefault();
      await fetchText(form.action, {method: "POST", body: new FormData(form)}).catch(() => null);
      await loadOrSay(part, part.dataset.fragment, texts);
    }
  });
}
