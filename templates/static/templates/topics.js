// The table of topics follows the chosen rosbag and the search, which the server does; what was set stays set.
const field = document.querySelector(".topics");
const rosbag = document.getElementById("id_rosbag");

function checkedMode() {
  return field.querySelector("input[name=topics_mode]:checked").value;
}

function countPlayed() {
  const line = field.querySelector(".topics-count");
  if (!line) return;
  const total = Number(line.dataset.total);
  const ticked = field.querySelectorAll("input[name=topics]:checked, input[type=hidden][name=topics]").length;
  const excluded = field.querySelectorAll("input[name=topics]:not(:checked):not([type=hidden]), input[type=hidden][name=excluded_topics]").length;
  const played = checkedMode() === "all" ? total - excluded : ticked;
  line.textContent = played === total ? line.dataset.all : line.dataset.some.replace("CHOSEN", played);
}

function showLength() {
  const help = document.querySelector("#id_end_offset_helptext > div");
  const bag = field.querySelector("[data-lasts]");
  if (!help) return;
  const line = help.querySelector("[data-length]") || document.createElement("span");
  line.dataset.length = "";
  line.textContent = bag ? ` ${bag.dataset.lasts}` : "";
  help.append(line);
}

function entries() {
  const body = new FormData();
  for (const [name, value] of new FormData(rosbag.form)) {
    const isEntry = ["topics", "topics_mode", "excluded_topics", "required_subscribers", "csrfmiddlewaretoken", "rosbag"].includes(name);
    if (isEntry || name.startsWith("rename:")) body.append(name, value);
  }
  return body;
}

function follow() {
  const table = field.querySelector(".topics-table");
  const search = field.querySelector("[data-search]");
  let request = null;
  let timer = 0;

  async function show() {
    if (request) request.abort();
    request = new AbortController();
    const body = entries();
    const sent = new URLSearchParams(body).toString();
    body.set("search", search.value);
    try {
      const response = await fetch(field.dataset.url, {method: "POST", body, signal: request.signal});
      if (!response.ok) return;
      const html = await response.text();
      if (new URLSearchParams(entries()).toString() !== sent) return show(); // what was set meanwhile stays
      table.innerHTML = html;
      countPlayed();
      showLength();
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  function tick(isTicked) {
    for (const box of table.querySelectorAll("input[type=checkbox][name=topics]")) box.checked = isTicked;
    countPlayed();
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
  field.addEventListener("change", countPlayed);
  field.querySelector("[data-tick]").addEventListener("click", () => tick(true));
  field.querySelector("[data-untick]").addEventListener("click", () => tick(false));
  countPlayed();
  showLength();
}

if (field && rosbag) follow();
