// The page of an export: follows its progress, and shows the complete page again once it has ended.
import {follow} from "./fragments.js";

const part = document.querySelector("[data-fragment]");
const texts = JSON.parse(document.getElementById("export-texts").textContent);
part.addEventListener("fragment", () => {
  if (part.querySelector("[data-poll]")) follow(part, texts);
  else window.location.reload();
});
follow(part, texts);
