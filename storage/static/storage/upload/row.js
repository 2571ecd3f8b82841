// One upload as it is shown: name, progress, what happens, verdict, the next steps.
const TONES = {ready: "ok", ready_with_warnings: "warn", repaired: "warn", rejected: "bad"};

function element(name, classes = "", text = "") {
  const made = document.createElement(name);
  made.className = classes;
  made.textContent = text;
  return made;
}

function link(address, text, classes) {
  const made = element("a", classes, text);
  made.href = address;
  return made;
}

export class Row {
  constructor(title, {addresses, texts}) {
    Object.assign(this, {addresses, texts});
    this.box = element("li", "upload");
    this.title = element("b", "upload-name", title);
    this.status = element("span", "upload-status");
    this.status.setAttribute("role", "status");
    this.bar = document.createElement("progress");
    this.bar.setAttribute("aria-label", title);
    this.button = element("button", "btn small halt", texts.cancel);
    this.button.type = "button";
    this.button.setAttribute("aria-label", `${texts.cancel}: ${title}`);
    this.links = element("span", "upload-links");
    this.lines = element("ul", "upload-lines");
    const head = element("div", "upload-head");
    head.append(this.title, this.status, this.links, this.button);
    this.box.append(head, this.bar, this.lines);
  }

  show({text, share, rosbag}) {
    this.status.textContent = text;
    if (share === undefined) this.bar.removeAttribute("value");
    else this.bar.value = share;
    if (rosbag && !this.links.childElementCount) this.links.append(link(this.#page(rosbag), this.texts.open, ""));
    this.button.hidden = Boolean(rosbag);
  }

  // Shows the verdict; returns the rosbag to go on with, if there is one.
  end(rosbag, exists) {
    const playable = rosbag.repaired || (rosbag.status.startsWith("ready") ? rosbag.id : null);
    const why = element("div", `why ${TONES[rosbag.status] || "run"}`);
    why.append(element("b", "", exists ? this.texts.existing : this.texts[rosbag.status] || rosbag.status));
    why.append(` ${rosbag.sentence || ""}`);
    this.#finish(why);
    this.links.replaceChildren(link(this.#page(playable || rosbag.id), this.texts.open, "btn small"));
    if (playable) {
      const {popup} = this.addresses;
      if (popup) this.links.append(link(popup.replace("/0/", `/${playable}/`), this.texts.use, "btn small go"));
      else this.#offerNext(playable);
    }
    this.#list([...(rosbag.lost_spans || []), ...rosbag.warnings].map((finding) => finding.sentence));
    return playable;
  }

  fail(lines, resumable) {
    const why = element("div", "why bad");
    why.append(element("b", "", lines[0]));
    if (resumable) why.append(` ${this.texts.resume}`);
    this.#finish(why);
    this.button.hidden = !resumable;
    this.#list(lines.slice(1));
  }

  cancelled() {
    const why = element("div", "why idle");
    why.append(this.texts.cancelled);
    this.#finish(why);
    this.button.hidden = true;
  }

  #finish(why) {
    this.bar.hidden = true;
    this.button.hidden = true;
    this.status.textContent = "";
    this.box.querySelector(".why")?.remove();
    this.bar.after(why);
  }

  // The next steps that the server offers for a rosbag, such as a template of it.
  async #offerNext(id) {
    const response = await fetch(this.addresses.next.replace("/0/", `/${id}/`), {credentials: "same-origin"});
    if (response.ok) this.links.insertAdjacentHTML("beforeend", await response.text());
  }

  #list(lines) {
    this.lines.replaceChildren(...lines.map((line) => element("li", "", line)));
  }

  #page(id) {
    return this.addresses.change.replace("/0/", `/${id}/`);
  }
}
