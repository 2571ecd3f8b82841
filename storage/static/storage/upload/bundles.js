// From chosen or dropped files to bundles: a folder with metadata.yaml is one, a loose data file or archive too.
const METADATA = "metadata.yaml";
const DATA = /\.(db3|mcap)(\.zstd)?$/i;

// Calls `take` with the files that are chosen in the fields of `chooser` or dropped on `zone`, and `refuse` with the
// message of what the browser cannot read.
export function takeFiles(chooser, zone, take, refuse) {
  for (const input of chooser.querySelectorAll("input[type=file]")) {
    const takeChosen = () => {
      take(chosenFiles(input));
      input.value = ""; // the same files can be chosen again
    };
    input.addEventListener("change", takeChosen);
    if (input.files.length) takeChosen(); // chosen before this script was there
  }
  for (const type of ["dragenter", "dragover"]) {
    zone.addEventListener(type, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    try {
      take(await droppedFiles(event.dataTransfer));
    } catch (error) {
      refuse(error.message);
    }
  });
}

// Files of a drop by their path; folders are walked.
async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  return (await Promise.all(entries.map((entry) => filesOf(entry, "")))).flat();
}

async function filesOf(entry, folder) {
  const path = folder + entry.name;
  if (entry.isFile) return [[path, await new Promise((done, failed) => entry.file(done, failed))]];
  const inside = [];
  for await (const child of childrenOf(entry)) inside.push(...(await filesOf(child, `${path}/`)));
  return inside;
}

// A reader gives a hundred entries at a time, and none at the end.
async function* childrenOf(folder) {
  const reader = folder.createReader();
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return;
    yield* some;
  }
}

const chosenFiles = (input) => [...input.files].map((file) => [file.webkitRelativePath || file.name, file]);

const folderOf = (path) => path.split("/").slice(0, -1).join("/");

// Returns bundles: their name, and their files by the path within the bundle. The server keeps names in NFC; macOS
// takes letters apart.
export function toBundles(files) {
  const rows = files.map(([path, file]) => [path.normalize("NFC"), file]);
  const withMetadata = new Set(rows.filter(([path]) => path.split("/").pop() === METADATA).map(([path]) => folderOf(path)));
  const roots = new Map();
  for (const [path, file] of rows) {
    const root = rootOf(path, withMetadata);
    if (!roots.has(root)) roots.set(root, new Map());
    const inside = path.slice(root === "" || root.startsWith("/") ? 0 : root.length + 1);
    if (inside.split("/").length < 3) roots.get(root).set(inside, file);
  }
  return [...roots].filter(([root, inside]) => isBundle(root, inside)).map(toBundle);
}

// The folder that a file belongs to: the nearest with metadata.yaml, else its own; a loose file is alone, but for
// the journal beside a database.
function rootOf(path, withMetadata) {
  for (let folder = folderOf(path); ; folder = folderOf(folder)) {
    if (withMetadata.has(folder)) return folder;
    if (!folder) break;
  }
  return folderOf(path) || `/${path.replace(/-(wal|shm|journal)$/, "")}`;
}

function isBundle(root, inside) {
  const paths = [...inside.keys()];
  return root.startsWith("/") || paths.includes(METADATA) || paths.some((path) => DATA.test(path));
}

function toBundle([root, files]) {
  const folder = root.startsWith("/") ? "" : root.split("/").pop();
  const data = [...files.keys()].find((path) => !path.endsWith(".yaml"));
  const title = folder || data || METADATA;
  // Of a single file the server makes the name.
  return {title, name: folder || (files.size === 1 ? "" : title), files};
}
