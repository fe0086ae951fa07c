// Keys for whoever would rather leave the mouse alone. Everything they do has a link or a control of its own; who uses keys of one
// character for something else, as for speech input, turns them off in My settings, and this file is not loaded.

const WAIT = 1500; // milliseconds between g and where to
let gone = 0; // when g was pressed

const isTyping = (element) => element.closest("select, textarea, input:not([type=checkbox], [type=radio]), [contenteditable]");

// The row that has the focus; what is shown of an opened row is of the row before it.
function here() {
  const row = document.activeElement.closest("main tr");
  return row?.matches(".flows__more") ? row.previousElementSibling : row;
}

function step(by) {
  const links = [...document.querySelectorAll("main tr > th[scope=row] a")];
  const place = links.indexOf(here()?.querySelector("th[scope=row] a"));
  const next = place < 0 ? (by > 0 ? 0 : links.length - 1) : place + by;
  links[next]?.focus();
}

function go(key) {
  document.querySelector(`[data-key="${key}"]`)?.click();
}

const KEYS = {
  "/": () => document.getElementById("bar-search")?.focus(),
  "?": () => document.getElementById("keys").showModal(),
  g: () => { gone = Date.now(); },
  j: () => step(1),
  k: () => step(-1),
  x: () => here()?.querySelector("input[type=checkbox]")?.click(),
  o: () => here()?.querySelector("details > summary")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : "";
  const isOnItsWay = Date.now() - gone < WAIT;
  gone = 0;
  const act = isOnItsWay && document.querySelector(`[data-key="${CSS.escape(key)}"]`) ? () => go(key) : KEYS[key];
  if (!act) return;
  event.preventDefault();
  act();
});
