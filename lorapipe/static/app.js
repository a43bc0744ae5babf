// LoRAPipe's only script of its own. Everything works without it; it adds keys, live progress and small comforts.
// Event delegation on `document` throughout, so that swapped content needs no set-up.

// --- one table of keys: the dispatcher and the sheet (ui/keys.html, tested) know the same ones --------------------
const KEYS = {
  "?": () => openSheet("keys"),
  "/": () => document.getElementById("find")?.focus(),
  "j": () => moveCursor(1),
  "k": () => moveCursor(-1),
  "o": () => document.querySelector("tr.cursor a")?.click(),
  "[": () => turnTo("previous"),
  "]": () => turnTo("next"),
  "f": () => toggleFilters(),
};
// These press the element of the page that carries the key as data-key.
const PRESSED = "pCRerdansmzcyx.,123456789";
const GO = "gdorbects"; // After g these press the entry of the menu that carries the key as data-go.
// Keys that this browser has changed (Settings, Keyboard), and what they stand for.
const CHANGED = new Map((document.documentElement.dataset.keymap || "").split(" ").filter(Boolean).map((pair) => [pair[0], pair.slice(2)]));
let going = 0;

function isTyping(target) {
  return target.isContentEditable || target.matches?.("textarea, select, input:not([type=checkbox])");
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.target.form?.requestSubmit(event.target.form.querySelector("[data-primary]"));
    return;
  }
  const saved = (event.ctrlKey || event.metaKey) && event.key === "s" && document.querySelector("form[data-keeps]");
  if (saved) {
    event.preventDefault();
    saved.requestSubmit(saved.querySelector("[data-primary]"));
    return;
  }
  if (event.key === "Escape") closeMenus();
  if (event.ctrlKey || event.metaKey || isTyping(event.target) || document.querySelector("dialog[open], [data-keys=off]")) return;
  const key = CHANGED.get(event.key) ?? event.key;
  if (Date.now() - going < 1200 && GO.includes(event.key)) {
    going = 0;
    document.querySelector(`[data-go="${event.key}"]`)?.click();
  } else if (key === "g") {
    going = Date.now();
  } else if (KEYS[key]) {
    KEYS[key]();
  } else if (key && PRESSED.includes(key)) {
    document.querySelector(`[data-key="${key}"]`)?.click();
  } else {
    return;
  }
  event.preventDefault();
});

// --- table: a cursor on the rows; the title link of the row holds the focus -------------------------------------------
// The cursor is remembered by the id of its row, for this tab alone: a refresh of the table takes its class away, and
// Back leads to a new document.
let cursorId = null;

function moveCursor(step) {
  const rows = [...document.querySelectorAll("tr[data-row]")];
  if (!rows.length) {
    turnTo(step > 0 ? "next" : "previous"); // a conversation: its neighbours
    return;
  }
  const at = rows.findIndex((row) => row.classList.contains("cursor"));
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  putCursor(next);
  next.querySelector("a")?.focus();
  next.scrollIntoView({ block: "nearest" });
}

function turnTo(way) {
  document.querySelector(`[data-page=${way}]`)?.click();
}

function putCursor(row) {
  document.querySelectorAll("tr.cursor").forEach((each) => each.classList.remove("cursor"));
  row.classList.add("cursor");
  remember(row.id);
}

function remember(ids) {
  cursorId = ids;
  try {
    sessionStorage.setItem("cursor", ids);
  } catch { /* Storage is switched off: only this page remembers. */ }
}

function findRow(ids) {
  return (ids ?? "").split(" ").map((id) => document.getElementById(id)).find((row) => row?.matches("tr[data-row]"));
}

// A page that one comes back to has its cursor again; a link to a row (`#item-...`) puts it there.
function restoreCursor(cameBack = performance.getEntriesByType("navigation")[0]?.type !== "navigate") {
  const read = document.querySelector("[data-rows]"); // a conversation: it is a row of the list, and one of its batch
  if (read) remember(read.dataset.rows);
  const linked = findRow(window.location.hash.slice(1));
  let kept = null;
  try {
    kept = cameBack ? sessionStorage.getItem("cursor") : null;
  } catch { /* nothing is kept */ }
  const row = linked ?? findRow(kept);
  if (!row) return;
  putCursor(row);
  row.querySelector("a")?.focus({ preventScroll: !linked });
}
restoreCursor();
window.addEventListener("pageshow", (event) => { if (event.persisted) restoreCursor(true); });
document.addEventListener("click", (event) => {
  const row = event.target.closest?.("tr[data-row] a")?.closest("tr");
  if (row) putCursor(row);
});
document.addEventListener("htmx:after:swap", () => findRow(cursorId)?.classList.add("cursor"));

function toggleFilters() {
  const filters = document.querySelector("details.filters");
  if (!filters) return;
  filters.open = !filters.open;
  if (filters.open) filters.querySelector("input, select")?.focus();
}

function closeMenus(except) {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu === except) return;
    const hadFocus = menu.contains(document.activeElement);
    menu.open = false;
    if (hadFocus) menu.querySelector("summary").focus();
  });
}
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));

// --- dialogs: a link with data-dialog works as a page without this script --------------------------------------------
function openSheet(id) {
  const sheet = document.getElementById(id);
  if (sheet && !sheet.open) sheet.showModal();
}
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) openSheet(opener.dataset.opens);
  if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
  if (event.target.matches("dialog.sheet")) event.target.close(); // the backdrop
  const copier = event.target.closest("[data-copy]");
  if (copier) copy(copier);
});
document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail.ctx.target;
  if (target?.id === "dialog-body") openSheet("dialog");
});

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.textContent);
  const words = button.querySelector("span");
  const before = words.textContent;
  words.textContent = "Copied";
  setTimeout(() => { words.textContent = before; }, 1500);
}

// --- theme: the cookie is what the server reads; without script the same form is a POST --------------------------
document.addEventListener("submit", (event) => {
  const choice = event.submitter?.closest("[data-theme-choice]")?.dataset.themeChoice;
  if (choice) {
    event.preventDefault();
    document.cookie = `theme=${choice};path=/;max-age=31536000;samesite=lax`;
    document.documentElement.dataset.theme = choice;
    document.querySelectorAll("[data-theme-choice]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    });
    return;
  }
  // A paid form is sent once; the server's idempotency key is the real guard.
  if (event.target.matches("[data-once]") && event.submitter?.matches("[data-primary]")) {
    if (pricing) {
      event.preventDefault();
      held = event.submitter.innerText;
      return;
    }
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "1";
    event.submitter.setAttribute("aria-disabled", "true");
  }
});
window.addEventListener("pageshow", (event) => {
  // Come back to from the browser's own store, such a page does not know what was started from it meanwhile.
  if (event.persisted && document.querySelector("[data-once]")) window.location.reload();
  document.querySelectorAll("[data-once]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelector("[data-primary]")?.removeAttribute("aria-disabled");
  });
});

// --- a form with data-keeps asks before the page is left with something unsaved ---------------------------------------
let unsaved = false;
document.addEventListener("input", (event) => { if (event.target.closest("form[data-keeps]")) unsaved = true; });
document.addEventListener("submit", (event) => { if (event.target.matches("[data-keeps]")) unsaved = false; });
window.addEventListener("beforeunload", (event) => {
  if (unsaved || document.querySelector("form[data-keeps][data-unsaved]")) event.preventDefault();
});

// --- paired fields: slider and number, the amount on the start button -----------------------------------------------
const typed = new WeakSet();
document.addEventListener("input", (event) => {
  const pair = event.target.dataset.pair;
  if (pair) document.getElementById(pair).value = event.target.value;
  typed.add(event.target);
  const label = document.querySelector(`[data-amount-of="${event.target.id}"]`);
  if (label) showAmount(label, event.target);
});
// A plan that arrives while the field has the focus leaves its value alone. What nobody has typed follows the plan, and
// the button says what the field would send.
document.addEventListener("htmx:after:swap", () => {
  document.querySelectorAll("[data-amount-of]").forEach((label) => {
    const field = document.getElementById(label.dataset.amountOf);
    if (!field) return;
    if (typed.has(field)) showAmount(label, field);
    else field.value = field.defaultValue;
  });
});

// A choice from a list fills the text beside it; a text of one's own takes the choice away.
document.addEventListener("input", (event) => {
  const filled = event.target.dataset.fills && document.getElementById(event.target.dataset.fills);
  if (filled) filled.value = event.target.value;
  const list = event.target.id && document.querySelector(`[data-fills="${CSS.escape(event.target.id)}"]`);
  if (list) {
    list.value = event.target.value;
    if (list.selectedIndex < 0) list.value = "";
  }
});

// The amount as the server writes it: all its places, two at least, with what is spent beside it, and never more than
// the month has left. An empty field stands for the offered amount.
function showAmount(label, field) {
  const given = Number(field.value) > 0 ? field.value : field.defaultValue || field.placeholder;
  const wanted = Number(given) + Number(label.dataset.beside || 0);
  const amount = Math.min(wanted, Number(label.dataset.atMost || Infinity));
  if (!(amount > 0)) return;
  const places = Math.min(4, Math.max(2, (String(amount).split(".")[1] ?? "").length));
  const text = amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: places });
  label.textContent = `$${text}`;
}

// While another template is on its way the preview waits: it would end that request, and is of the old template.
document.addEventListener("htmx:config:request", (event) => {
  const previews = event.detail.ctx?.sourceElement?.matches?.("[hx-target='#seen']");
  if (previews && document.querySelector("#id_template.htmx-request")) event.preventDefault();
});

// A form whose price is being asked for is not sent: the button would spend an amount that nobody has seen. When the price
// comes and the button says what it said, the form is sent; else it is to be pressed again. Kept here, because a morph takes
// attributes away that the server does not know.
let pricing = false;
let held = "";
document.addEventListener("input", (event) => {
  const form = event.target.closest("[hx-post]")?.closest("form[data-once]");
  if (form?.querySelector("[data-amount-of]")) pricing = true;
});
for (const name of ["htmx:after:swap", "htmx:response:error", "htmx:error"]) {
  document.addEventListener(name, (event) => {
    const form = pricing && event.detail.ctx?.sourceElement?.closest?.("form[data-once]");
    if (!form) return;
    const said = held;
    pricing = false;
    held = "";
    const button = said && form.querySelector("[data-primary]");
    if (!button) return;
    if (name === "htmx:after:swap" && button.innerText === said) return form.requestSubmit(button);
    button.focus();
    toast(`${button.innerText.trim()}: the plan has changed. Press again to start it.`);
  });
}

// --- a mark of the preview and its field show each other ----------------------------------------------------------------
function showTwins(target) {
  document.querySelectorAll(".twin").forEach((each) => each.classList.remove("twin"));
  const of = target.closest?.("mark[data-of], [data-field]");
  const name = of && CSS.escape(of.dataset.of ?? of.dataset.field);
  if (name) document.querySelectorAll(`mark[data-of="${name}"], [data-field="${name}"]`).forEach((each) => each.classList.add("twin"));
}
for (const kind of ["focusin", "mouseover"]) document.addEventListener(kind, (event) => showTwins(event.target));
document.addEventListener("htmx:after:swap", () => showTwins(document.activeElement));

// --- polling: polite when nobody looks, honest when the connection is lost --------------------------------------------
const BACKOFF_S = [5, 10, 30];
let touched = Date.now();
let polls = 0;
let failures = 0;
let quietUntil = 0;
let lastGood = new Date();
for (const name of ["pointermove", "keydown", "scroll"]) {
  document.addEventListener(name, () => { touched = Date.now(); }, { passive: true });
}

function isPoll(ctx) {
  return ctx?.sourceElement?.matches?.("[data-poll]");
}

document.addEventListener("htmx:before:request", (event) => {
  const ctx = event.detail.ctx;
  if (!isPoll(ctx) || ctx.sourceEvent?.type !== "every") return;
  polls += 1;
  const nobodyLooks = Date.now() - touched > 60000 && polls % 10 !== 0;
  if (document.hidden || nobodyLooks || Date.now() < quietUntil) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  touched = Date.now();
  if (!document.hidden) document.body.dispatchEvent(new Event("refresh"));
});
document.addEventListener("htmx:after:request", (event) => {
  const ctx = event.detail.ctx;
  if (!isPoll(ctx)) return;
  if (ctx.response.status < 400) connectionIsBack();
});
for (const name of ["htmx:response:error", "htmx:error"]) {
  document.addEventListener(name, (event) => {
    const ctx = event.detail.ctx;
    if (!ctx) return;
    const status = ctx.response?.status;
    if (status === 401 || status === 403) {
      if (isPoll(ctx)) quietUntil = Infinity; // asking again would be refused again
      toast("You are signed out, or this page is old.", "Reload", () => window.location.reload());
    } else if (isPoll(ctx)) {
      connectionFailed();
    } else if (status === undefined || status >= 500) {
      const id = ctx.response?.headers?.get("X-Request-ID");
      toast(`That did not work.${id ? ` Request ${id}.` : ""} Nothing was changed that the page does not show.`);
    }
  });
}

function connectionFailed() {
  failures += 1;
  if (failures < 3) return;
  quietUntil = Date.now() + BACKOFF_S[Math.min(failures - 3, BACKOFF_S.length - 1)] * 1000;
  const banner = document.getElementById("connection");
  if (!banner) return;
  banner.querySelector("[data-since]").textContent = lastGood.toLocaleTimeString();
  banner.hidden = false;
}

function connectionIsBack() {
  failures = 0;
  quietUntil = 0;
  lastGood = new Date();
  const banner = document.getElementById("connection");
  if (banner) banner.hidden = true;
}

// --- after a swap: the title, the announcement (only when its words changed), the focus --------------------------------
let focusKey = null;
document.addEventListener("htmx:before:swap", () => {
  focusKey = document.activeElement?.dataset?.focusKey ?? null;
});
document.addEventListener("htmx:after:swap", () => {
  const live = document.querySelector("[data-title]");
  if (live) {
    document.title = live.dataset.title;
    const announcement = document.getElementById("announcement");
    if (announcement && announcement.textContent !== live.dataset.announce) {
      announcement.textContent = live.dataset.announce;
    }
  }
  if (focusKey && document.activeElement === document.body) {
    document.querySelector(`[data-focus-key="${focusKey}"]`)?.focus();
  }
});

// --- toasts come from the server; these close them, and the few that only the browser can know are text only ------------
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) event.target.closest(".alert").remove();
});
function fade(alert) {
  if (!alert.matches("[data-fades]") || alert.dataset.timed) return;
  alert.dataset.timed = "1";
  setTimeout(function leave() {
    if (alert.matches(":hover, :focus-within")) setTimeout(leave, 2000);
    else alert.remove();
  }, 7000);
}
const toaster = document.getElementById("toaster");
if (toaster) {
  toaster.querySelectorAll(".alert").forEach(fade);
  new MutationObserver(() => toaster.querySelectorAll(".alert").forEach(fade)).observe(toaster, { childList: true });
}
document.addEventListener("toast", ({ detail }) => toast(detail.words, detail.verb, detail.action));
function toast(words, verb, action) {
  const template = document.getElementById("toast-template");
  if (!template || [...toaster.querySelectorAll("p")].some((line) => line.textContent === words)) return;
  const alert = template.content.firstElementChild.cloneNode(true);
  alert.querySelector("p").textContent = words;
  const button = alert.querySelector("[data-retry]");
  if (verb) {
    button.textContent = verb;
    button.addEventListener("click", action);
  } else {
    button.remove();
  }
  toaster.append(alert);
}

// --- all is set up: htmx, whose script comes before this one, has asked for its start before this timer was set -------
setTimeout(() => { document.documentElement.dataset.ready = "yes"; });
