"use strict";
// When another rosbag is chosen, its topics are offered instead; what was chosen stays where it is there, too.
window.addEventListener("load", () => {
  const $ = window.django && window.django.jQuery;
  const box = document.getElementById("id_topics");
  const rosbag = document.getElementById("id_rosbag");
  if (!$ || !box || !rosbag) return;

  function offer(topics) {
    const chosen = new Set([...box.querySelectorAll("input:checked")].map((each) => each.value));
    box.replaceChildren(...topics.map(([name, text], index) => {
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

  // Select2 tells jQuery alone.
  $(rosbag).on("change", async () => {
    const asked = rosbag.value;
    const address = window.location.pathname.replace(/(add|[^/]+\/change)\/$/, "topics/");
    const answer = await fetch(`${address}?rosbag=${encodeURIComponent(asked)}`);
    if (answer.ok && asked === rosbag.value) offer((await answer.json()).topics);
  });
});
