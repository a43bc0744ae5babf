// The words of an option list as chips below a text area of the matrix: a press adds the word as a line, or takes it away.

const lines = (area) => area.value.split("\n").map((line) => line.trim()).filter(Boolean);
const word = (line) => line.replace(/\s*\*\s*[\d.]+$/, ""); // without its weight

function show(area) {
  const typed = new Set(lines(area).map(word));
  document.querySelectorAll(`[data-adds-to="${area.id}"] button`).forEach((chip) => {
    chip.setAttribute("aria-pressed", String(typed.has(chip.textContent.trim())));
  });
}

document.querySelectorAll("[data-adds-to]").forEach((chips) => {
  const area = document.getElementById(chips.dataset.addsTo);
  chips.hidden = false;
  show(area);
  area.addEventListener("input", () => show(area));
  chips.addEventListener("click", (event) => {
    const chip = event.target.closest("button");
    if (!chip) return;
    const wanted = chip.textContent.trim();
    const typed = lines(area);
    const kept = typed.filter((line) => word(line) !== wanted);
    area.value = (kept.length < typed.length ? kept : [...typed, wanted]).join("\n");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
});
