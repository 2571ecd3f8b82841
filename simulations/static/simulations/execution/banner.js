/** Says whether the page is live: that its connection is lost, back, or over. */
import { fill, time } from "./format.js";

const BACK_MS = 4000;

export class Banner {
  constructor(place, texts, signIn) {
    this.place = place;
    this.texts = texts;
    this.signIn = signIn;
    this.lost = false;
  }

  showLost(now) {
    this.lost = true;
    this.show("why bad", fill(this.texts.lost, { time: time(now) }));
  }

  showBack() {
    this.lost = false;
    this.show("why ok", this.texts.back);
    this.timer = setTimeout(() => this.hide(), BACK_MS);
  }

  showSignedOut() {
    const link = document.createElement("a");
    link.href = `${this.signIn}?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = this.texts.signIn;
    this.show("why warn", `${this.texts.signedOut} `, link);
  }

  showGone() {
    this.show("why warn", this.texts.gone);
  }

  hide() {
    this.lost = false;
    this.place.hidden = true;
    this.markLive();
  }

  show(className, ...content) {
    clearTimeout(this.timer);
    this.place.className = className;
    this.place.hidden = false;
    this.place.replaceChildren(...content);
    this.markLive();
  }

  markLive() {
    document.getElementById("live")?.classList.toggle("lost", this.lost);
  }
}
