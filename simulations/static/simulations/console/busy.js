// Forms whose answer takes seconds say so, and are sent once: data-busy is the text meanwhile.
for (const form of document.querySelectorAll("form[data-busy]")) {
  const button = form.querySelector("button");
  const text = button.textContent;
  form.addEventListener("submit", () => {
    button.disabled = true;
    button.textContent = form.dataset.busy;
  });
  // The browser shows the page as it was left after "back".
  addEventListener("pageshow", () => {
    button.disabled = false;
    button.textContent = text;
  });
}
