/** Puts server-rendered fragments in their place. */
import { show } from "../../common/console/refresh.js";
import { refresh as refreshTimes } from "../../common/console/times.js";

export function replace(name, html) {
  const panel = document.querySelector(`[data-panel="${name}"]`);
  if (!panel || panel.dataset.html === html) return;
  panel.dataset.html = html;
  show(panel, html);
  refreshTimes(panel);
}
