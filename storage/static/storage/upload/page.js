// The page "Add rosbag": files and folders are chosen or dropped, and each bundle among them is uploaded.
import {takeFiles, toBundles} from "./bundles.js";
import {Row} from "./row.js";
import {SavedUploads} from "./saved.js";
import {Upload, discard} from "./upload.js";

const AT_ONCE = 2;
const form = document.getElementById("add-rosbag");
const list = document.getElementById("add-list");
const problem = document.getElementById("add-problem");
const zone = document.getElementById("add-zone");
const texts = JSON.parse(document.getElementById("add-texts").textContent);
const addresses = form.dataset;
const saved = new SavedUploads(addresses.user);
const waiting = [];
let running = 0;

function add(files) {
  const bundles = toBundles(files);
  problem.textContent = bundles.length ? "" : texts.no_bundle;
  problem.hidden = Boolean(bundles.length);
  if (!bundles.length) return;
  const rows = bundles.map((bundle) => begin(bundle));
  if (addresses.popup && rows.length === 1) rows[0].addEventListener("usable", () => {
    window.location = addresses.popup.replace("/0/", `/${rows[0].usable}/`);
  });
  next();
}

function begin(bundle) {
  const upload = new Upload(bundle, {addresses, saved, texts});
  const row = new Row(bundle.title, {addresses, texts});
  interrupted(upload.listing)?.box.remove();
  row.show({text: texts.waiting});
  list.prepend(row.box);
  upload.addEventListener("status", (event) => row.show(event.detail));
  upload.addEventListener("failed", (event) => row.fail(event.detail.lines, event.detail.resumable));
  upload.addEventListener("result", (event) => {
    upload.usable = row.end(event.detail.rosbag, event.detail.exists);
    if (upload.usable) upload.dispatchEvent(new Event("usable"));
  });
  row.button.addEventListener("click", () => end(row, () => upload.cancel()));
  waiting.push(upload);
  return upload;
}

async function next() {
  while (running < AT_ONCE && waiting.length) {
    const upload = waiting.shift();
    if (upload.controller.signal.aborted) continue;
    running += 1;
    upload.run().finally(() => {
      running -= 1;
      next();
    });
  }
}

async function end(row, work) {
  try {
    await work();
    row.cancelled();
  } catch (error) {
    row.fail([error.message], true);
  }
}

// Uploads that an earlier visit began: the same files go on with them, or they are cancelled.
const left = saved.all().map((begun) => {
  const row = new Row(begun.title || texts.begun, {addresses, texts});
  row.fail([texts.interrupted], true);
  row.button.addEventListener("click", () => end(row, () => discard(addresses, begun, saved)));
  list.append(row.box);
  return {listing: begun.listing, box: row.box};
});
const interrupted = (listing) => left.find((row) => row.listing === listing);

takeFiles(form, zone, add, (message) => {
  problem.textContent = message;
  problem.hidden = false;
});
form.addEventListener("submit", (event) => event.preventDefault());
