// Previews that the server draws: trajectory, pictures, messages of the chosen topic and range.
import {loadInView, loadOrSay} from "./fragments.js";

export class Views {
  constructor(root, {range, texts}) {
    this.root = root;
    this.range = range;
    this.texts = texts;
    this.address = root.dataset.fragment.replace(/preview\/$/, "");
    for (const view of root.querySelectorAll("[data-view]")) {
      loadInView(view, this.#address(view), texts);
    }
    root.addEventListener("change", (event) => this.#onChange(event.target));
    root.addEventListener("click", (event) => {
      const from = event.target.dataset?.from;
      const view = event.target.closest("[data-view]");
      if (from && view) loadOrSay(view, this.#address(view, {start: from}), texts);
    });
    range?.addEventListener("change", () => this.#reload());
  }

  show(topic) {
    const view = this.root.querySelector('[data-view="messages"]');
    choose(select(view), topic);
    loadOrSay(view, this.#address(view), this.texts);
  }

  #onChange(field) {
    const card = field.closest(".card");
    const view = card?.querySelector("[data-view]");
    if (!view) return;
    const frame = field.matches("[data-frame]") ? {frame: field.value} : {};
    if (field.matches("[data-topic], [data-frame]")) loadOrSay(view, this.#address(view, frame), this.texts);
  }

  #reload() {
    for (const view of this.root.querySelectorAll("[data-view]")) {
      if (view.childElementCount) loadOrSay(view, this.#address(view), this.texts);
      else loadInView(view, this.#address(view), this.texts);
    }
  }

  #address(view, more = {}) {
    const query = {topic: select(view).value, ...this.range?.query, ...more};
    return `${this.address}${view.dataset.view}/?${new URLSearchParams(query)}`;
  }
}

const select = (view) => view.closest(".card").querySelector("[data-topic]");

// Choose a topic, also one of those that are too many for the list.
export function choose(field, topic) {
  if (![...field.options].some((option) => option.value === topic)) field.add(new Option(topic));
  field.value = topic;
}
