// Uploads one dropped or chosen bundle and chooses its rosbag as soon as it is stored; its verification is followed
// by the summary.
import {takeFiles, toBundles} from "../storage/upload/bundles.js";
import {SavedUploads} from "../storage/upload/saved.js";
import {Upload} from "../storage/upload/upload.js";

const NOTHING = {holds: () => false};

export function uploads(form, choose) {
  const zone = document.getElementById("quick-run-zone");
  if (!zone) return NOTHING;
  const texts = JSON.parse(document.getElementById("upload-texts").textContent);
  const addresses = zone.dataset;
  const saved = new SavedUploads(addresses.user);
  const [status, bar, cancel] = ["[role=status]", "progress", "button"].map((name) => zone.querySelector(name));
  let current = null;
  let startsAfter = false;

  function show(text, {share, error = false} = {}) {
    status.textContent = text;
    status.className = error ? "why" : "quiet";
    status.hidden = !text;
    bar.hidden = share === undefined;
    cancel.hidden = share === undefined;
    if (share !== undefined) bar.value = share;
  }

  function stop() {
    current.controller.abort();
    current = null;
    startsAfter = false;
  }

  function stored(id, name) {
    const starts = startsAfter;
    stop();
    show("");
    choose(id, name);
    if (starts) form.requestSubmit();
  }

  function begin(files) {
    const [bundle, ...others] = toBundles(files);
    if (!bundle || others.length) {
      show(bundle ? texts.one_bundle : texts.no_bundle, {error: true});
      return;
    }
    if (current) stop();
    const upload = new Upload(bundle, {addresses, saved, texts});
    current = upload;
    upload.addEventListener("status", ({detail}) => {
      if (detail.rosbag) stored(detail.rosbag, bundle.title);
      else show(detail.text, {share: detail.share || 0});
    });
    upload.addEventListener("result", ({detail: {rosbag}}) => stored(rosbag.id, rosbag.name));
    upload.addEventListener("failed", ({detail: {lines}}) => {
      stop();
      show(lines.join(" "), {error: true});
    });
    upload.run();
  }

  takeFiles(zone, zone, begin, (message) => show(message, {error: true}));
  cancel.addEventListener("click", async () => {
    const upload = current;
    stop();
    show(texts.cancelled);
    await upload.cancel();
  });
  // Start, pressed while files are sent: it starts once they are stored.
  const holds = () => {
    if (!current) return false;
    startsAfter = true;
    show(texts.starts_after, {share: bar.value});
    return true;
  };
  return {holds};
}
