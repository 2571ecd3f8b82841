"use strict";
// Sends a bundle in parts, several at once, by the API of upload sessions. The session knows which parts are
// stored: after a broken connection or a reload the same files, chosen again, go on where they were.
(() => {
  const AT_ONCE = 4;
  const TRIES = 6;
  const form = document.getElementById("add-rosbag");
  const at = (id) => document.getElementById(id);
  const words = JSON.parse(at("add-words").textContent);
  const memory = `robotsim-upload-${form.dataset.user}`;
  const submit = form.querySelector("input[type=submit]");
  let control = null;
  let session = null;

  class Refused extends Error {
    constructor(problem) {
      super(problem.detail || problem.title);
      this.problem = problem;
    }
  }

  function remembered() {
    try {
      return JSON.parse(window.localStorage.getItem(memory));
    } catch {
      return null;
    }
  }

  function remember(value) {
    if (value) window.localStorage.setItem(memory, JSON.stringify(value));
    else window.localStorage.removeItem(memory);
  }

  function say(text, link) {
    const box = at("add-status");
    box.replaceChildren(text);
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link;
      anchor.textContent = words.done;
      box.append(" ", anchor);
    }
  }

  function complain(lines) {
    at("add-errors").replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
  }

  const pause = (milliseconds) => new Promise((done) => window.setTimeout(done, milliseconds));

  // What the network loses is tried again, what the server refuses is not.
  async function steadily(work) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        const lasting = error instanceof Refused && error.problem.status < 500;
        if (lasting || control.signal.aborted || attempt === TRIES) throw error;
        say(words.again);
        await pause(500 * 2 ** attempt);
      }
    }
  }

  async function call(address, method = "GET", body = undefined, signal = control && control.signal) {
    const headers = {Accept: "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(address, {
      method, headers, signal, credentials: "same-origin", body: body && JSON.stringify(body),
    });
    if (answer.status === 204) return null;
    const text = await answer.text();
    let told = {};
    try {
      told = JSON.parse(text);
    } catch {
      // A proxy between may answer in a language of its own.
    }
    if (!answer.ok) throw new Refused({status: answer.status, title: answer.statusText, ...told});
    return told;
  }

  // The chosen files by their path within the bundle; a chosen folder is the bundle.
  function chosen() {
    const folder = [...at("add-folder").files];
    const files = folder.length ? folder : [...at("add-files").files];
    const found = new Map();
    for (const file of files) {
      const path = folder.length ? file.webkitRelativePath.split("/").slice(1).join("/") : file.name;
      const hidden = path.split("/").some((part) => part.startsWith("."));
      if (path && !hidden && path.split("/").length < 3) found.set(path, file);
    }
    return found;
  }

  function nameOf(files) {
    const typed = at("add-name").value.trim();
    const folder = at("add-folder").files[0];
    if (typed) return typed;
    if (folder) return folder.webkitRelativePath.split("/")[0];
    return files.size === 1 ? "" : [...files.keys()].find((path) => !path.endsWith(".yaml")) || "";
  }

  const listing = (files) => [...files].map(([path, file]) => `${file.size} ${path}`).sort().join("\n");

  async function open(files) {
    const old = remembered();
    if (old) {
      try {
        const found = await steadily(() => call(`${form.dataset.uploads}/${old.id}`));
        if (found.state === "open") {
          if (old.listing !== listing(files)) throw new Refused({status: 409, detail: words.others});
          say(words.resuming);
          return found;
        }
      } catch (error) {
        if (!(error instanceof Refused) || ![403, 404, 410].includes(error.problem.status)) throw error;
      }
      remember(null);
    }
    say(words.beginning);
    const described = [...files].map(([path, file]) => ({path, size: file.size}));
    const name = nameOf(files);
    const wanted = name ? {name: name.slice(0, 200), files: described} : {files: described};
    const begun = await call(form.dataset.uploads, "POST", wanted);
    if (begun.state === "open") remember({id: begun.id, listing: listing(files)});
    return begun;
  }

  async function sendPart(file, part) {
    const answer = await fetch(part.url, {
      method: "PUT", body: file.slice(part.offset, part.offset + part.size), signal: control.signal,
      credentials: "omit",
    });
    if (answer.status === 403 || answer.status === 404) return false; // the address has expired
    if (!answer.ok) throw new Refused({status: answer.status === 507 ? 500 : answer.status,
      title: `${answer.status} ${answer.statusText}`});
    return true;
  }

  async function sendFile(path, file, progress) {
    let after = 0;
    let stale = 0;
    for (;;) {
      const address = `${form.dataset.uploads}/${session.id}/parts?file=${encodeURIComponent(path)}&after=${after}`;
      const page = await steadily(() => call(address));
      const queue = page.parts.slice();
      let expired = false;
      const work = async () => {
        for (let part = queue.shift(); part && !expired; part = queue.shift()) {
          const current = part;
          if (await steadily(() => sendPart(file, current))) progress(current.size);
          else expired = true;
        }
      };
      const stopping = async () => {
        try {
          await work();
        } catch (error) {
          queue.length = 0; // the others send nothing more
          throw error;
        }
      };
      const ended = await Promise.allSettled(Array.from({length: AT_ONCE}, stopping));
      const broken = ended.find((each) => each.status === "rejected");
      if (broken) throw broken.reason;
      if (expired) {
        stale += 1;
        if (stale === TRIES) throw new Refused({status: 410, detail: words.failed});
        continue;
      }
      if (page.next_after === null) return;
      after = page.next_after;
    }
  }

  async function send(files) {
    const bar = at("add-progress");
    bar.max = Math.max(session.size, 1);
    bar.value = session.stored_bytes;
    bar.hidden = false;
    at("add-cancel").hidden = false;
    const began = Date.now();
    const first = session.stored_bytes;
    const progress = (bytes) => {
      bar.value += bytes;
      const rate = (bar.value - first) / Math.max(Date.now() - began, 1) / 1000;
      const share = Math.floor((100 * bar.value) / bar.max);
      say(`${words.sending}: ${share} % (${rate.toFixed(1)} MB/s)`);
    };
    progress(0);
    const missing = new Set(session.files.filter((each) => each.missing.length).map((each) => each.path));
    for (const [path, file] of files) if (missing.has(path)) await sendFile(path, file, progress);
    say(words.joining);
    return steadily(() => call(`${form.dataset.uploads}/${session.id}/complete`, "POST", {}));
  }

  async function follow(rosbag, known) {
    const page = form.dataset.change.replace("/0/", `/${rosbag.id}/`);
    let seen = rosbag;
    while (seen.status === "verifying") {
      say(words.checking, page);
      await pause(1000);
      seen = await steadily(() => call(form.dataset.rosbag.replace(/0$/, rosbag.id)));
    }
    const other = seen.repaired ? form.dataset.change.replace("/0/", `/${seen.repaired}/`) : page;
    say(known ? words.known : seen.sentence || seen.name, other);
    complain([
      ...(seen.lost_spans || []).map((each) => each.sentence),
      ...seen.warnings.map((each) => each.sentence),
    ]);
  }

  async function upload() {
    const files = chosen();
    complain([]);
    if (!files.size) {
      complain([words.nothing]);
      return;
    }
    control = new AbortController();
    submit.disabled = true;
    try {
      session = await open(files);
      const known = session.state !== "open";
      const rosbag = known ? session.rosbag : await send(files);
      remember(null);
      at("add-progress").hidden = true;
      at("add-cancel").hidden = true;
      await follow(rosbag, known || rosbag.id !== session.id);
    } catch (error) {
      if (control.signal.aborted) return;
      const problem = error instanceof Refused ? error.problem : {};
      const details = (problem.errors || []).map((each) => `${each.pointer || ""} ${each.detail || ""}`.trim());
      complain([error instanceof Refused ? error.message : words.failed, ...details]);
      say(session && remembered() ? words.gone : "");
      at("add-cancel").hidden = !remembered();
    } finally {
      submit.disabled = false;
    }
  }

  async function cancel() {
    const old = remembered();
    if (control) control.abort();
    try {
      if (old) await call(`${form.dataset.uploads}/${old.id}`, "DELETE", undefined, null);
    } catch (error) {
      if (!(error instanceof Refused) || ![404, 409, 410].includes(error.problem.status)) {
        complain([error.message]);
        return;
      }
    }
    remember(null);
    session = null;
    at("add-progress").hidden = true;
    at("add-cancel").hidden = true;
    complain([]);
    say(words.cancelled);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    upload();
  });
  at("add-cancel").addEventListener("click", cancel);
  at("add-folder").addEventListener("change", () => { at("add-files").value = ""; });
  at("add-files").addEventListener("change", () => { at("add-folder").value = ""; });
  if (remembered()) {
    say(words.gone);
    at("add-cancel").hidden = false;
  }
})();
