// Keeps "3 minutes ago" current, shows exact times for the complete page, and tells the server the browser's zone.

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const MONTH = 30 * 86400;
const KEY = "exact-times";
const words = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "always" });
const now = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "auto" }).format(0, "second");

function relative(element) {
  const seconds = Math.trunc((new Date(element.dateTime) - Date.now()) / 1000);
  if (Math.abs(seconds) >= MONTH) return element.dataset.date;
  if (seconds === 0) return now;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  return words.format(Math.trunc(seconds / size), unit);
}

const showsExact = () => localStorage.getItem(KEY) === "yes";

export function refresh(root = document) {
  for (const element of root.querySelectorAll("time[data-date]")) {
    const text = showsExact() ? element.title.replace(/ \(.*\)$/, "") : relative(element);
    if (element.textContent !== text) element.textContent = text;
  }
}

const buttons = document.querySelectorAll("[data-exact-times]");

function showState() {
  for (const button of buttons) button.setAttribute("aria-pressed", showsExact());
}

function toggle() {
  localStorage.setItem(KEY, showsExact() ? "no" : "yes");
  showState();
  refresh();
}

function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const secure = location.protocol === "https:" ? "; secure" : "";
  if (zone) document.cookie = `timezone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax${secure}`;
}

tellZone();
refresh();
setInterval(refresh, 5000);
showState();
for (const button of buttons) button.addEventListener("click", toggle);
