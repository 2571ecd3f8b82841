"use strict";
// Shows the topics of the chosen rosbag; topics that both rosbags have stay selected.
window.addEventListener("load", () => {
  const $ = window.django && window.django.jQuery;
  const list = document.getElementById("id_topics");
  const rosbag = document.getElementById("id_rosbag");
  if (!$ || !list || !rosbag) return;

  function showTopics(topics) {
    const chosen = new Set([...list.querySelectorAll("input:checked")].map((input) => input.value));
    list.replaceChildren(...topics.map(([name, text], index) => {
      const row = document.createElement("div");
      const label = document.createElement("label");
      const input = document.createElement("input");
      Object.assign(input, {type: "checkbox", name: "topics", value: name, id: `id_topics_${index}`});
      input.checked = chosen.has(name);
      label.htmlFor = input.id;
      label.append(input, ` ${text}`);
      row.append(label);
      return row;
    }));
  }

  // Select2 only triggers jQuery events.
  $(rosbag).on("change", async () => {
    const chosen = rosbag.value;
    const address = window.location.pathname.replace(/(add|[^/]+\/change)\/$/, "topics/");
    const response = await fetch(`${address}?rosbag=${encodeURIComponent(chosen)}`);
    if (response.ok && chosen === rosbag.value) showTopics((await response.json()).topics);
  });
});
