// A search box above many chips: shows those that match, and keeps in sight what is ticked. Without it all are shown.

function narrow(box) {
  const field = document.getElementById(box.dataset.narrows);
  const wanted = box.value.trim().toLowerCase();
  const chips = [...field.querySelectorAll(".chip")];
  const matching = chips.filter((chip) => chip.querySelector("input").value.toLowerCase().includes(wanted));
  chips.forEach((chip) => { chip.hidden = !matching.includes(chip) && !chip.querySelector(":checked"); });
  field.querySelector("[role=status]").textContent = wanted ? `${matching.length} match` : "";
}

document.addEventListener("input", (event) => { if (event.target.matches("[data-narrows]")) narrow(event.target); });
document.addEventListener("keydown", (event) => {
  // Enter in this box must not make the plan.
  if (event.key === "Enter" && event.target.matches("[data-narrows]")) event.preventDefault();
});
document.querySelectorAll("[data-narrows]").forEach((box) => {
  box.hidden = false;
  narrow(box); // Back may have kept what was typed
});
