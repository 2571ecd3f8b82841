"use strict";
// Uploads a bundle in parts, several at a time, by the API of upload sessions. The session knows which parts are
// stored: after a lost connection or a reload the upload resumes when the same files are chosen again.
(() => {
  const MAX_CONCURRENT = 6;
  const MAX_ATTEMPTS = 6;
  const form = document.getElementById("add-rosbag");
  const byId = (id) => document.getElementById(id);
  const texts = JSON.parse(byId("add-texts").textContent);
  const storageKey = `robotsim-upload-${form.dataset.user}`;
  const submit = form.querySelector("input[type=submit]");
  let controller = null;
  let session = null;

  class ProblemError extends Error {
    constructor(problem) {
      super(problem.detail || problem.title);
      this.problem = problem;
    }
  }

  function savedUpload() {
    try {
      return JSON.parse(window.localStorage.getItem(storageKey));
    } catch {
      return null;
    }
  }

  function saveUpload(value) {
    if (value) window.localStorage.setItem(storageKey, JSON.stringify(value));
    else window.localStorage.removeItem(storageKey);
  }

  function showStatus(text, link) {
    const box = byId("add-status");
    box.replaceChildren(text);
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link;
      anchor.textContent = texts.done;
      box.append(" ", anchor);
    }
  }

  function showErrors(lines) {
    byId("add-errors").replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
  }

  const delay = (milliseconds) => new Promise((done) => window.setTimeout(done, milliseconds));

  // Retries failures of network and server, but not requests that the server refuses.
  async function withRetries(worker) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await worker();
      } catch (error) {
        const permanent = error instanceof ProblemError && error.problem.status < 500;
        if (permanent || controller.signal.aborted || attempt === MAX_ATTEMPTS) throw error;
        showStatus(texts.retrying);
        await delay(500 * 2 ** attempt);
      }
    }
  }

  async function call(address, method = "GET", body = undefined, signal = controller && controller.signal) {
    const headers = {Accept: "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const response = await fetch(address, {
      method, headers, signal, credentials: "same-origin", body: body && JSON.stringify(body),
    });
    if (response.status === 204) return null;
    const text = await response.text();
    let data = {};
    try {
      data = JSON.parse(text);
    } catch {
      // The response of a proxy may not be JSON.
    }
    if (!response.ok) throw new ProblemError({status: response.status, title: response.statusText, ...data});
    return data;
  }

  // The chosen files by their path within the bundle; a chosen folder is the bundle. The server keeps names in
  // NFC; macOS takes letters apart.
  function chosenFiles() {
    const folder = [...byId("add-folder").files];
    const files = folder.length ? folder : [...byId("add-files").files];
    const byPath = new Map();
    for (const file of files) {
      const path = folder.length ? file.webkitRelativePath.split("/").slice(1).join("/") : file.name;
      if (path && path.split("/").length < 3) byPath.set(path.normalize("NFC"), file);
    }
    return byPath;
  }

  function rosbagName(files) {
    const typed = byId("add-name").value.trim();
    const folder = byId("add-folder").files[0];
    if (typed) return typed;
    if (folder) return folder.webkitRelativePath.split("/")[0];
    return files.size === 1 ? "" : [...files.keys()].find((path) => !path.endsWith(".yaml")) || "";
  }

  const fileList = (files) => [...files].map(([path, file]) => `${file.size} ${path}`).sort().join("\n");

  async function openSession(files) {
    const saved = savedUpload();
    if (saved) {
      try {
        const current = await withRetries(() => call(`${form.dataset.uploads}/${saved.id}`));
        if (current.state === "open") {
          if (saved.listing !== fileList(files)) throw new ProblemError({status: 409, detail: texts.other_files});
          showStatus(texts.resuming);
          return current;
        }
      } catch (error) {
        if (!(error instanceof ProblemError) || ![403, 404, 410].includes(error.problem.status)) throw error;
      }
      saveUpload(null);
    }
    showStatus(texts.beginning);
    const entries = [...files].map(([path, file]) => ({path, size: file.size}));
    const name = rosbagName(files);
    const body = name ? {name: name.slice(0, 200), files: entries} : {files: entries};
    const created = await call(form.dataset.uploads, "POST", body);
    if (created.state === "open") saveUpload({id: created.id, listing: fileList(files)});
    return created;
  }

  async function sendPart(file, part) {
    const response = await fetch(part.url, {
      method: "PUT", body: file.slice(part.offset, part.offset + part.size), signal: controller.signal,
      credentials: "omit",
    });
    if (response.status === 403 || response.status === 404) return false; // the address has expired
    if (!response.ok) throw new ProblemError({status: response.status === 507 ? 500 : response.status,
      title: `${response.status} ${response.statusText}`});
    return true;
  }

  // Several at a time; the first address that has expired, or failure, ends the round.
  async function sendParts(queue, files, progress) {
    const worker = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const {path, part} = next;
        try {
          if (await withRetries(() => sendPart(files.get(path), part))) progress(part.size);
          else queue.length = 0;
        } catch (error) {
          queue.length = 0;
          throw error;
        }
      }
    };
    const results = await Promise.allSettled(Array.from({length: MAX_CONCURRENT}, worker));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  // The session has the addresses of its first missing parts: send them and ask again until there are none.
  async function sendFiles(files) {
    const bar = byId("add-progress");
    bar.max = Math.max(session.size, 1);
    bar.value = session.stored_bytes;
    bar.hidden = false;
    byId("add-cancel").hidden = false;
    const startedAt = Date.now();
    const initial = session.stored_bytes;
    const progress = (bytes) => {
      bar.value += bytes;
      const rate = (bar.value - initial) / Math.max(Date.now() - startedAt, 1) / 1000;
      const share = Math.floor((100 * bar.value) / bar.max);
      showStatus(`${texts.sending}: ${share} % (${rate.toFixed(1)} MB/s)`);
    };
    progress(0);
    const missing = () => session.addresses.flatMap(({path, parts}) => parts.map((part) => ({path, part})));
    for (let queue = missing(), stalled = 0; queue.length; queue = missing()) {
      const before = session.stored_bytes;
      await sendParts(queue, files, progress);
      session = await withRetries(() => call(`${form.dataset.uploads}/${session.id}`));
      bar.value = session.stored_bytes;
      stalled = session.stored_bytes > before ? 0 : stalled + 1;
      if (stalled === MAX_ATTEMPTS) throw new ProblemError({status: 410, detail: texts.failed});
    }
    showStatus(texts.joining);
    return withRetries(() => call(`${form.dataset.uploads}/${session.id}/complete`, "POST", {}));
  }

  async function showVerification(rosbag, exists) {
    const page = form.dataset.change.replace("/0/", `/${rosbag.id}/`);
    let current = rosbag;
    while (current.status === "verifying") {
      showStatus(texts.checking, page);
      await delay(1000);
      current = await withRetries(() => call(form.dataset.rosbag.replace(/0$/, rosbag.id)));
    }
    const other = current.repaired ? form.dataset.change.replace("/0/", `/${current.repaired}/`) : page;
    showStatus(exists ? texts.existing : current.sentence || current.name, other);
    showErrors([
      ...(current.lost_spans || []).map((span) => span.sentence),
      ...current.warnings.map((warning) => warning.sentence),
    ]);
  }

  async function upload() {
    const files = chosenFiles();
    showErrors([]);
    if (!files.size) {
      showErrors([texts.no_files]);
      return;
    }
    controller = new AbortController();
    submit.disabled = true;
    try {
      session = await openSession(files);
      const exists = session.state !== "open";
      const rosbag = exists ? session.rosbag : await sendFiles(files);
      saveUpload(null);
      byId("add-progress").hidden = true;
      byId("add-cancel").hidden = true;
      await showVerification(rosbag, exists || rosbag.id !== session.id);
    } catch (error) {
      if (controller.signal.aborted) return;
      const problem = error instanceof ProblemError ? error.problem : {};
      const details = (problem.errors || []).map((item) => `${item.pointer || ""} ${item.detail || ""}`.trim());
      showErrors([error instanceof ProblemError ? error.message : texts.failed, ...details]);
      showStatus(session && savedUpload() ? texts.resume : "");
      byId("add-cancel").hidden = !savedUpload();
    } finally {
      submit.disabled = false;
    }
  }

  async function cancel() {
    const saved = savedUpload();
    if (controller) controller.abort();
    try {
      if (saved) await call(`${form.dataset.uploads}/${saved.id}`, "DELETE", undefined, null);
    } catch (error) {
      if (!(error instanceof ProblemError) || ![404, 409, 410].includes(error.problem.status)) {
        showErrors([error.message]);
        return;
      }
    }
    saveUpload(null);
    session = null;
    byId("add-progress").hidden = true;
    byId("add-cancel").hidden = true;
    showErrors([]);
    showStatus(texts.cancelled);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    upload();
  });
  byId("add-cancel").addEventListener("click", cancel);
  byId("add-folder").addEventListener("change", () => { byId("add-files").value = ""; });
  byId("add-files").addEventListener("change", () => { byId("add-folder").value = ""; });
  if (savedUpload()) {
    showStatus(texts.resume);
    byId("add-cancel").hidden = false;
  }
})();
