/** Puts server-rendered fragments in their place, and keeps what the reader has opened or focused. */
import { refresh as refreshTimes } from "../../common/console/times.js";

export function replace(name, html) {
  const panel = document.querySelector(`[data-panel="${name}"]`);
  if (!panel || panel.dataset.html === html) return;
  panel.dataset.html = html;
  const focused = panel.contains(document.activeElement) ? placeOf(panel, document.activeElement) : -1;
  const open = [...panel.querySelectorAll("details")].map((details) => details.open);
  panel.innerHTML = html;
  refreshTimes(panel);
  panel.querySelectorAll("details").forEach((details, index) => {
    details.open = open[index] ?? false;
  });
  if (focused >= 0) focusable(panel)[focused]?.focus({ preventScroll: true });
}

const focusable = (panel) => [...panel.querySelectorAll("a[href], button, summary")];
const placeOf = (panel, element) => focusable(panel).indexOf(element);
