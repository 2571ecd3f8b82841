// Asks for the newest state of a page while somebody looks at it.
import { refresh } from "../../common/console/refresh.js";

const texts = JSON.parse(document.getElementById("state-texts").textContent);
refresh(document.getElementById("state"), document.querySelector("[data-live]"), texts);
