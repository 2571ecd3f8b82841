// The table of topics follows the chosen rosbag and the search, which the server does; what is chosen stays chosen.
const field = document.querySelector(".topics");
const rosbag = document.getElementById("id_rosbag");

function countChosen() {
  const line = field.querySelector(".topics-count");
  if (!line) return;
  const boxes = [...field.querySelectorAll("input[type=checkbox]:checked")];
  const chosen = boxes.length + field.querySelectorAll("input[type=hidden]").length;
  line.textContent = chosen ? line.dataset.some.replace("CHOSEN", chosen) : line.dataset.all;
}

function follow() {
  const table = field.querySelector(".topics-table");
  const search = field.querySelector("[data-search]");
  let request = null;
  let timer = 0;

  async function show() {
    if (request) request.abort();
    request = new AbortController();
    const body = new FormData();
    body.set("csrfmiddlewaretoken", rosbag.form.elements.csrfmiddlewaretoken.value);
    body.set("rosbag", rosbag.value);
    body.set("search", search.value);
    for (const input of table.querySelectorAll("input[type=hidden], input:checked")) body.append("topics", input.value);
    try {
      const response = await fetch(field.dataset.url, {method: "POST", body, signal: request.signal});
      if (!response.ok) return;
      table.innerHTML = await response.text();
      countChosen();
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  // Select2, and the window in which a rosbag was added, trigger jQuery events.
  window.django.jQuery(rosbag).on("change", show);
  search.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(show, 250);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  table.addEventListener("change", countChosen);
  field.querySelector("[data-all]").addEventListener("click", () => {
    for (const box of table.querySelectorAll("input:checked")) box.checked = false;
    for (const input of table.querySelectorAll("input[type=hidden]")) input.remove();
    countChosen();
  });
  countChosen();
}

if (field && rosbag) follow();
