// Fills in what an agent has used; nothing is stored until the form is saved.
const button = document.querySelector("[data-fill-cpu]");

function fill(name, value) {
  const input = document.querySelector(`[name=${name}]`);
  input.value = value;
  const limit = document.querySelector(`[name=${name}_limit]`);
  if (limit.value && Number(limit.value) < Number(value)) limit.value = "";
  return input;
}

if (button && document.querySelector("[name=agent_cpu]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    fill("agent_memory", button.dataset.fillMemory);
    fill("agent_cpu", button.dataset.fillCpu).focus();
  });
}
