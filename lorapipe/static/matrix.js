// The words of an option list as chips below a text area of the matrix: a press adds the word as a line, or takes it away.
// All chips of a list are one stop of the Tab key; arrows go from one to the next.

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
  const buttons = [...chips.querySelectorAll("button")];
  const moveTo = (chosen) => buttons.forEach((chip) => { chip.tabIndex = chip === chosen ? 0 : -1; });
  moveTo(buttons[0]);
  chips.hidden = false;
  show(area);
  area.addEventListener("input", () => show(area));
  chips.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = buttons.at((buttons.indexOf(event.target) + step) % buttons.length);
    moveTo(next);
    next.focus();
  });
  chips.addEventListener("click", (event) => {
    const chip = event.target.closest("button");
    if (!chip) return;
    moveTo(chip);
    const wanted = chip.textContent.trim();
    const typed = lines(area);
    const kept = typed.filter((line) => word(line) !== wanted);
    area.value = (kept.length < typed.length ? kept : [...typed, wanted]).join("\n");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
});
