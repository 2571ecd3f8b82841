// The latest execution, live; when it ends the page is as old as the stream, so it is read again.
export function follow(card) {
  if (!card) return;
  const bar = card.querySelector("progress");
  const percent = card.querySelector(".latest-percent");
  const source = new EventSource(card.dataset.stream);
  source.addEventListener("progress", (event) => {
    const { overall } = JSON.parse(event.data);
    if (!bar) return;
    bar.value = overall;
    percent.textContent = `${Math.round(overall)} %`;
  });
  source.addEventListener("end", () => { source.close(); });
}
