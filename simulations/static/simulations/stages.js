// Stages in a formset of Django: added, copied, removed, and moved by dragging or by buttons.
// Forms keep their numbers: a removed one is marked for deletion, the order is in the position fields.
import "../common/vendor/sortable/sortable.min.js";

const MAX_STAGES = 100;

export class Stages {
  constructor(group, texts, say, onChange) {
    Object.assign(this, { group, texts, say, onChange });
    this.list = group.querySelector(".stage-list");
    this.empty = group.querySelector("template");
    this.total = group.querySelector(`[name=${group.dataset.prefix}-TOTAL_FORMS]`);
    this.addButton = group.querySelector("[data-add]");
    this.addButton.hidden = false;
    this.sortByPosition();
    this.cards().forEach((card) => this.prepare(card));
    group.classList.add("ready");
    group.addEventListener("click", (event) => this.onClick(event));
    window.Sortable.create(this.list, {
      handle: ".grip", draggable: ".stage:not(.removed)", animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 150,
      onEnd: ({ item, oldIndex, newIndex }) => { if (oldIndex !== newIndex) this.moved(item); },
    });
    this.number();
  }

  cards() { return [...this.list.querySelectorAll(".stage:not(.removed)")]; }

  field(card, name) { return card.querySelector(`[name$="-${name}"]`); }

  prepare(card) {
    card.querySelectorAll(".grip, .stage-acts").forEach((part) => { part.hidden = false; });
    if (card.querySelector(".stage-more .errors")) card.querySelector(".stage-more").open = true;
    const remove = this.field(card, "DELETE");
    if (remove?.checked) this.remove(card);
  }

  sortByPosition() {
    const place = (card) => Number(this.field(card, "position").value) || Infinity;
    this.list.append(...this.cards().sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b))));
  }

  number() {
    const cards = this.cards();
    cards.forEach((card, index) => {
      card.querySelector(".stage-number").textContent = index + 1;
      this.field(card, "position").value = index + 1;
      card.querySelector("[data-move='-1']").disabled = index === 0;
      card.querySelector("[data-move='1']").disabled = index === cards.length - 1;
    });
    this.addButton.disabled = cards.length >= MAX_STAGES;
  }

  onClick(event) {
    const button = event.target.closest("button");
    const card = button?.closest(".stage");
    if (!button) return;
    if (button.hasAttribute("data-add")) this.add();
    else if (button.dataset.move) this.move(card, Number(button.dataset.move), button);
    else if (button.hasAttribute("data-copy")) this.copy(card);
    else if (button.hasAttribute("data-remove")) this.remove(card, true);
    else if (button.classList.contains("stage-undo")) this.restore(card);
  }

  move(card, by, button) {
    const cards = this.cards();
    const other = cards[cards.indexOf(card) + by];
    if (!other) return;
    if (by < 0) other.before(card);
    else other.after(card);
    this.moved(card);
    (button.disabled ? card.querySelector(`[data-move='${-by}']`) : button).focus();
  }

  moved(card) {
    this.number();
    const place = this.cards().indexOf(card) + 1;
    this.say(this.texts.moved.replace("%(position)s", place).replace("%(count)s", this.cards().length));
    this.onChange();
  }

  add(after = null) {
    const index = Number(this.total.value);
    const holder = document.createElement("ol");
    holder.innerHTML = this.empty.innerHTML.replaceAll("__prefix__", index);
    const card = holder.querySelector(".stage");
    if (after) after.after(card);
    else this.list.append(card);
    this.total.value = index + 1;
    this.prepare(card);
    this.number();
    card.dispatchEvent(new CustomEvent("formset:added", { bubbles: true, detail: { formsetName: this.group.dataset.prefix } }));
    if (!after) (card.querySelector(".select2-selection") ?? this.field(card, "template")).focus();
    this.onChange();
    return card;
  }

  copy(card) {
    const copy = this.add(card);
    for (const field of card.querySelectorAll("input[name], select[name], textarea[name]")) {
      const name = field.name.split("-").pop();
      const target = this.field(copy, name);
      if (!target || name === "position" || name === "DELETE") continue;
      if (field.type === "checkbox") target.checked = field.checked;
      else if (field.tagName === "SELECT" && field.value) target.replaceChildren(new Option(field.selectedOptions[0].text, field.value, true, true));
      else target.value = field.value;
      window.django.jQuery(target).trigger("change");
    }
    this.field(copy, "agent_count").focus();
    this.moved(copy);
  }

  remove(card, byUser = false) {
    this.field(card, "DELETE").checked = true;
    card.classList.add("removed");
    const undo = document.createElement("button");
    undo.type = "button";
    undo.className = "btn small stage-undo";
    undo.textContent = this.texts.undo.replace("%(position)s", card.querySelector(".stage-number").textContent);
    card.append(undo);
    if (!byUser) return;
    this.number();
    undo.focus();
    this.say(this.texts.removed);
    this.onChange();
  }

  restore(card) {
    this.field(card, "DELETE").checked = false;
    card.classList.remove("removed");
    card.querySelector(".stage-undo").remove();
    this.number();
    card.querySelector("[data-remove]").focus();
    this.onChange();
  }
}
