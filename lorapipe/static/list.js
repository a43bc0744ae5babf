// The ticks of the list of conversations. Without this script each row is ticked by itself; app.js has the keys.

function listTicks() {
  return [...document.querySelectorAll("input[data-tick]")];
}

// How many are ticked is said beside the verbs; the tick of the whole page follows those of its rows.
function showTicked() {
  const ticks = listTicks();
  const count = ticks.filter((tick) => tick.checked).length;
  const words = document.getElementById("ticked");
  const all = document.querySelector("#bulk [name=all]")?.checked;
  const text = all ? "the ticks do not matter" : count ? `${count} ticked` : "or tick rows";
  if (words && words.textContent !== text) words.textContent = text;
  const page = document.querySelector("[data-ticks-page]");
  if (!page) return;
  page.checked = count > 0 && count === ticks.length;
  page.indeterminate = count > 0 && count < ticks.length;
}

let last = null; // the row that was ticked last: Shift ticks all from it on
document.addEventListener("click", (event) => {
  const tick = event.target;
  if (tick.matches("[data-ticks-page]")) listTicks().forEach((each) => { each.checked = tick.checked; });
  if (tick.matches("[data-tick]")) {
    const ticks = listTicks();
    const [from, to] = [ticks.indexOf(last), ticks.indexOf(tick)].sort((a, b) => a - b);
    if (event.shiftKey && from >= 0) ticks.slice(from, to + 1).forEach((each) => { each.checked = tick.checked; });
    last = tick;
  }
  if (tick.closest("[data-ticks-row]")) document.querySelector("tr.cursor [data-tick]")?.click();
  showTicked();
});
document.addEventListener("htmx:after:swap", showTicked);
window.addEventListener("pageshow", showTicked);
