// Takes the theme that the person chose on another browser, and remembers the one that is chosen here.

const meta = document.querySelector("meta[name=theme]");
const root = document.documentElement;
const stored = () => localStorage.getItem("theme") || "auto"; // written by the toggle of Django's admin

async function remember() {
  const chosen = stored() === "auto" ? "" : stored();
  if (!meta.dataset.url || chosen === meta.content) return;
  meta.content = chosen;
  const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
  const body = JSON.stringify({ preferences: { theme: chosen } });
  await fetch(meta.dataset.url, { method: "PATCH", headers, body });
}

if (meta.content && stored() !== meta.content) {
  localStorage.setItem("theme", meta.content);
  root.dataset.theme = meta.content;
}
new MutationObserver(remember).observe(root, { attributeFilter: ["data-theme"] });
