// A part of a page that the server renders again and again: fetched while the page is looked at, and put in
// place of the old one node by node, so that focus, selection and open details stay where they are.

const RETRY_SECONDS = 3;

/** Keep `target` like what its `data-url` answers; `data-seconds` in it says when to ask again. */
export function refresh(target, live, texts) {
  let timer = 0;
  let running = false;

  const plan = (seconds) => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(update, seconds * 1000);
  };

  async function update() {
    if (running) return;
    running = true;
    let seconds = RETRY_SECONDS;
    try {
      const response = await fetch(target.dataset.url, { credentials: "same-origin", signal: AbortSignal.timeout(10000) });
      if (response.redirected) return say("signed_out");
      if (!response.ok) throw new Error(String(response.status));
      show(target, await response.text());
      say("live");
      seconds = pause();
    } catch {
      say("lost");
    } finally {
      running = false;
      plan(seconds);
    }
  }

  const pause = () => Number(target.querySelector("[data-seconds]")?.dataset.seconds) || 15;

  function say(name) {
    live.classList.toggle("lost", name !== "live");
    if (live.textContent !== texts[name]) live.textContent = texts[name];
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : update()));
  window.addEventListener("online", update);
  plan(pause());
}

/** Make the children of a node like those of a piece of HTML. */
export function show(node, html) {
  syncChildren(node, new DOMParser().parseFromString(html, "text/html").body);
}

/** Make the children of a node like those of another, changing as little as possible. */
export function syncChildren(node, model) {
  const kept = new Map([...node.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  let place = node.firstChild;
  for (const wanted of [...model.childNodes]) {
    const keyed = wanted.dataset?.key ? kept.get(wanted.dataset.key) : null;
    if (keyed && keyed !== place) node.insertBefore(keyed, place);
    const found = keyed ?? place;
    if (found && isSame(found, wanted)) {
      sync(found, wanted);
      place = found.nextSibling;
    } else {
      node.insertBefore(wanted.cloneNode(true), place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function isSame(node, wanted) {
  return node.nodeName === wanted.nodeName && (node.dataset?.key ?? "") === (wanted.dataset?.key ?? "");
}

function sync(node, wanted) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.nodeValue !== wanted.nodeValue) node.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...node.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open") node.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  syncChildren(node, wanted);
}
