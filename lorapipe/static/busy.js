// The part of a page that is being asked for says so: it is dimmed after a moment (app.css) and told to screen readers.
// Polls say nothing, and neither does what changes no part of the page.

const parts = new WeakMap(); // request -> its part; an answer may name another one, or none
const waiting = new WeakMap(); // part -> how many requests are under way for it: a new search begins before the old one ends

function count(part, change) {
  const left = (waiting.get(part) ?? 0) + change;
  waiting.set(part, left);
  if (left > 0) part.setAttribute("aria-busy", "true");
  else part.removeAttribute("aria-busy");
}

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (!ctx?.target || ctx.swap === "none" || ctx.sourceElement?.matches?.("[data-poll]")) return;
  parts.set(ctx, ctx.target);
  count(ctx.target, 1);
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const part = parts.get(ctx);
  if (part && parts.delete(ctx)) count(part, -1);
});
