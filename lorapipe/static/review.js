// The turns of a conversation in the review. Without this script each turn has its own links; app.js has the keys.

// The current turn is the one with the focus, or the one that was last left: a button takes the focus away.
let current = null;
document.addEventListener("focusin", (event) => { current = event.target.closest("[data-turn]")?.id ?? current; });

function currentTurn() {
  return document.getElementById(current ?? "") ?? document.querySelector("[data-turn]");
}

function moveToTurn(step) {
  const turns = [...document.querySelectorAll("[data-turn]")];
  const at = turns.findIndex((turn) => turn.id === current);
  turns[at < 0 ? 0 : Math.min(turns.length - 1, Math.max(0, at + step))]?.focus();
}

document.addEventListener("click", (event) => {
  const step = event.target.closest("[data-step-turn]");
  if (step) moveToTurn(Number(step.dataset.stepTurn));
  const edits = event.target.closest("[data-edits-turn]");
  const link = edits && currentTurn()?.querySelector("[data-edit]");
  if (link) {
    event.preventDefault();
    link.click();
  }
  if (!event.target.closest("[data-comments-turn]")) return;
  const fold = currentTurn()?.querySelector("details.say");
  if (!fold) return;
  const field = fold.querySelector("textarea");
  fold.open = true;
  requestAnimationFrame(() => requestAnimationFrame(() => field.focus())); // it takes the focus only once it is shown
});

// Escape leaves a text; an edit in which nothing was changed is closed.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.target.matches?.("textarea")) return;
  event.target.blur();
  if (event.target.value === event.target.defaultValue) event.target.form?.querySelector("[data-discard]")?.click();
});

// After each step the focus is on the title; where something is to be filled in or pressed, on that, which comes behind it.
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx.target?.id !== "item") return;
  if (!document.activeElement?.closest("[data-turn]")) current = null;
  [...document.querySelectorAll("[data-takes-focus]")].at(-1)?.focus();
});
