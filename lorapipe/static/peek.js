// The peek panel of the list of conversations. Without this script its links are ordinary ones; app.js has the keys.

function findPanel() {
  return document.getElementById("peek");
}

function readPeeked() {
  return findPanel()?.querySelector("[data-peeked]")?.dataset.peeked ?? "";
}

function findClose() {
  return findPanel()?.querySelector("[data-peek-close]");
}

// The table is not swapped with the panel: its row is marked here, and its links to other pages of the list keep the panel.
let shown = readPeeked();
function follow() {
  const peeked = readPeeked();
  document.querySelectorAll("#table [data-peek]").forEach((link) => {
    if (link.dataset.peek === peeked) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });
  document.querySelectorAll("#table a[href]:not([data-peek])").forEach((link) => {
    if (link.origin !== location.origin || link.pathname !== location.pathname) return;
    const address = new URL(link.href);
    if (peeked) address.searchParams.set("peek", peeked);
    else address.searchParams.delete("peek");
    link.setAttribute("href", address.pathname + address.search + address.hash);
  });
  if (peeked === shown) return;
  const row = document.querySelector(`#table [data-peek="${CSS.escape(shown || peeked)}"]`)?.closest("tr");
  shown = peeked;
  if (!peeked) {
    row?.querySelector("a").focus(); // what had the focus is gone
    say("The panel is closed.");
    return;
  }
  say(`Shown beside the table: ${findPanel().querySelector("h2").textContent}`);
  if (window.matchMedia("(max-width: 1279px)").matches) {
    findPanel().focus();
    findPanel().scrollIntoView({ block: "start" });
  }
}

function say(words) {
  const line = document.getElementById("announcement");
  if (line) line.textContent = words;
}

document.addEventListener("htmx:after:swap", follow);

document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-peeks-row]")) return;
  const link = document.querySelector("tr.cursor [data-peek]");
  if (!link || link.dataset.peek === readPeeked()) findClose()?.click();
  else link.click();
});

// Before app.js closes menus (capture): Escape closes one thing, the one on top.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  if (document.querySelector("dialog[open], details.menu[open]")) return;
  if (event.target.matches?.("textarea, select, input:not([type=checkbox])")) return;
  findClose()?.click();
}, true);
