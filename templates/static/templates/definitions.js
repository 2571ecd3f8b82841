// Adds .msg files to the text of definitions; the browser reads them, as only the text is submitted.
const field = document.querySelector(".definitions");

async function add(files, packageName) {
  const text = field.querySelector("textarea");
  for (const file of files) {
    const type = `${packageName || "my_msgs"}/msg/${file.name.replace(/\.msg$/, "")}`;
    const before = text.value.trimEnd();
    text.value = `${before}${before ? "\n\n" : ""}MSG: ${type}\n${(await file.text()).trim()}\n`;
  }
  text.focus();
}

if (field) {
  const files = field.querySelector("[data-files]");
  const packageName = field.querySelector("[data-package]");
  field.querySelector(".definitions-add").hidden = false;
  packageName.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  files.addEventListener("change", async () => {
    await add(files.files, packageName.value.trim());
    files.value = "";
  });
}
