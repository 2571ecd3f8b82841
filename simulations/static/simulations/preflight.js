// The check before a start: its result comes into the page, which goes on meanwhile and keeps what was typed.
const PATIENCE_MS = 90000;
const form = document.querySelector("form[data-target=preflight]");
const target = document.getElementById("preflight");
const texts = JSON.parse(document.getElementById("design-texts").textContent);

function note(tone, text) {
  const line = document.createElement("p");
  line.className = `why ${tone} preflight-note`;
  line.textContent = text;
  target.replaceChildren(line);
}

async function check(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  if (button.disabled) return;
  button.disabled = true;
  note("run", texts.checking);
  const body = new FormData(form);
  body.set("part", "1");
  try {
    const response = await fetch(form.action, { method: "POST", body, redirect: "error", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!response.ok) throw new Error(String(response.status));
    target.innerHTML = await response.text();
  } catch {
    note("warn", texts.checkLost);
  } finally {
    button.disabled = false;
  }
}

form?.addEventListener("submit", check);
