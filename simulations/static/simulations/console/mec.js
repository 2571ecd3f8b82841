// The page of a system under test. Its state and last test are asked for again and again. In its form, fields
// that the chosen transport does not use are hidden, unless they have an error. Without this script all are
// shown; the server drops what is not used.
import { refresh } from "../../common/console/refresh.js";

const { used, addressed, by_addresses: byAddresses } = JSON.parse(
  document.getElementById("mec-fields").textContent,
);
const transport = document.getElementById("id_transport");
const discovery = document.getElementById("id_discovery");
const names = new Set(Object.values(used).flat());

function show(name, shown) {
  const row = document.querySelector(`.form-row.field-${name}`);
  if (row) row.hidden = !shown && !row.querySelector(".errorlist");
}

function update() {
  const fields = new Set(used[transport.value] ?? [...names]);
  const may = byAddresses.includes(transport.value);
  for (const option of discovery.options) {
    option.hidden = option.disabled = !may && addressed.includes(option.value);
  }
  if (discovery.selectedOptions[0]?.disabled) discovery.value = "none";
  for (const name of names) show(name, fields.has(name));
  show("addresses", fields.has("addresses") && addressed.includes(discovery.value));
}

if (transport && discovery) {
  transport.addEventListener("change", update);
  discovery.addEventListener("change", update);
  update();
}

const lost = document.getElementById("mec-lost");
const texts = JSON.parse(document.getElementById("mec-texts").textContent);
for (const part of document.querySelectorAll("[data-url*='/part/']")) refresh(part, lost, texts);
