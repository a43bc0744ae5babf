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

// A field takes the focus only when the fold around it is drawn, which takes a frame or two, and more on a busy machine.
function focusOnceShown(field, frames = 120) {
  field.focus();
  if (document.activeElement !== field && frames) requestAnimationFrame(() => focusOnceShown(field, frames - 1));
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
  focusOnceShown(field);
});

// Escape leaves a text; an edit in which nothing was changed is closed.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.target.matches?.("textarea")) return;
  event.target.blur();
  if (event.target.value === event.target.defaultValue) event.target.form?.querySelector("[data-discard]")?.click();
});

// --- the next one is fetched ahead: it is shown at once, and the decision on the last one is sent meanwhile -----------
let ahead = null; // { address, text }: the next conversation and its part of the page
let sending = null; // while a decision is on its way: the promise of its end

const HTMX = { "HX-Request": "true" };

async function fetchAhead() {
  const item = document.getElementById("item");
  const address = item?.dataset.next;
  ahead = null;
  if (!address) return;
  const answer = await fetch(address, { headers: HTMX }).catch(() => null);
  const text = answer?.ok && (await answer.text());
  if (!text || !item.isConnected) return; // another one is shown by now
  ahead = { address, text };
  item.dataset.ahead = "ready";
}

// Needs revision and reject ask for a reason where none is given: that question comes from the server.
function isComplete(form, verb) {
  if (form.id !== "decision" || verb === "approve") return true;
  return form.note.value.trim() !== "" || form.querySelector("[name=reasons]:checked") !== null;
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (!form.closest("#item")) return;
  const leaves = form.matches("[data-leaves]") && ahead && isComplete(form, submitter?.value);
  if (!sending && !leaves) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (sending) sending.then(() => { if (form.isConnected) form.requestSubmit(submitter); });
  else sending = leave(form, submitter, ahead).finally(() => { sending = null; });
}, true);

async function leave(form, submitter, next) {
  const body = new FormData(form, submitter);
  const title = document.querySelector("#item h1").dataset.name;
  const left = window.location.href;
  body.set("ahead", next.address);
  const answered = fetch(form.getAttribute("action"), { method: "POST", body, headers: HTMX }).catch(() => null);
  await show(next.text, next.address);
  const answer = await answered;
  if (!answer?.ok) {
    const detail = { words: `${title}: this was not stored.`, verb: "Open it", action: () => window.location.assign(left) };
    document.dispatchEvent(new CustomEvent("toast", { detail }));
  } else if (answer.headers.has("HX-Redirect")) {
    window.location.assign(answer.headers.get("HX-Redirect"));
  } else {
    const pushed = answer.headers.get("HX-Push-Url"); // somebody else has opened the next one meanwhile
    if (pushed) await show(await answer.text(), pushed);
    else refresh(await answer.text());
  }
}

// To take an element with the focus out of the page costs a layout of its own, which is half of the time of a step.
function show(text, address) {
  document.activeElement?.blur();
  return htmx.swap({ sourceElement: document.body, target: "#item", swap: "outerHTML", push: address, text });
}

// The numbers of the page, and the toasts.
function refresh(text) {
  const sent = new DOMParser().parseFromString(text, "text/html");
  sent.querySelectorAll("[data-number]").forEach((each) => {
    document.querySelector(`#item [data-number="${each.dataset.number}"]`)?.replaceWith(each);
  });
  document.getElementById("toaster").append(...sent.querySelectorAll(".alert"));
}

fetchAhead();

// After each step the focus is on the title; where something is to be filled in or pressed, on that, which comes behind it.
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx.target?.id === "judgement") { // the next dimension, or the title after the last one
    const next = document.querySelector("#judgement li[aria-current] [name=agree]");
    (next ?? document.querySelector("#judgement h2"))?.focus();
    return;
  }
  if (event.detail.ctx.target?.id !== "item" && event.detail.ctx.target !== "#item") return;
  if (!document.activeElement?.closest("[data-turn]")) current = null;
  [...document.querySelectorAll("[data-takes-focus]")].at(-1)?.focus();
  fetchAhead();
});
