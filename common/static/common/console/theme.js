// Takes the theme that the person chose on another browser, and remembers the one that is chosen here.

const meta = document.querySelector("meta[name=theme]");
const KEPT = "account-theme"; // that of the account when it was last read or changed here
const root = document.documentElement;
const stored = () => localStorage.getItem("theme") || "auto"; // written by the toggle of Django's admin

async function remember() {
  const chosen = stored() === "auto" ? "" : stored();
  if (!meta.dataset.url || chosen === meta.content) return;
  meta.content = chosen;
  localStorage.setItem(KEPT, chosen);
  const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
  const body = JSON.stringify({ preferences: { theme: chosen } });
  await fetch(meta.dataset.url, { method: "PATCH", headers, body, keepalive: true });
}

// Without a choice the browser's own applies, unless the one of here came from the account, which has taken it back.
if (meta.dataset.url) {
  const theme = meta.content || (localStorage.getItem(KEPT) ? "auto" : stored());
  localStorage.setItem(KEPT, meta.content);
  if (theme !== stored()) {
    localStorage.setItem("theme", theme);
    root.dataset.theme = theme;
  }
}
new MutationObserver(remember).observe(root, { attributeFilter: ["data-theme"] });
