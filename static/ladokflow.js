// What the pages do beyond HTML and htmx. Nothing here is needed for a task: without it every form and link still works.

const CHOSEN = "chosen "; // what names what is kept of the flows that are chosen
const LONGEST = 60_000; // milliseconds that a button is at work: then it may be pressed again, whatever has become of the first time

// Each part is started for the whole page, and again for what htmx puts in anew.
function start(root) {
  // Flows that are chosen stay so from page to page of the list, and under other filters, until something is done with them or the
  // tab is closed: <form data-choice="whose and which list">. A button that only looks at them (data-looks) leaves them chosen.
  for (const form of root.querySelectorAll("form[data-choice]")) {
    const store = CHOSEN + form.dataset.choice;
    const chosen = new Set(JSON.parse(sessionStorage.getItem(store) ?? "[]"));
    const boxes = [...form.querySelectorAll('input[name="flow"]')];
    const bar = form.querySelector(".choice-bar");
    const none = form.querySelector("[data-choice-none]");
    const all = form.querySelector("[data-choice-all]");
    const count = form.querySelector("[data-choice-one]");
    const show = () => {
      sessionStorage.setItem(store, JSON.stringify([...chosen]));
      if (!bar) return;
      bar.hidden = none.hidden = !chosen.size;
      count.textContent = chosen.size === 1 ? count.dataset.choiceOne : count.dataset.choiceMany.replace("#", chosen.size);
    };
    const read = () => {
      for (const box of boxes) box.checked ? chosen.add(box.value) : chosen.delete(box.value);
      show();
    };
    for (const box of boxes) box.checked ||= chosen.has(box.value);
    form.addEventListener("change", read);
    none?.addEventListener("click", () => {
      chosen.clear();
      if (all) all.hidden = false;
      for (const box of boxes) box.checked = false;
      form.dispatchEvent(new Event("change"));
      boxes[0]?.focus();
    });
    // All that can be chosen in the list, on its other pages, too.
    if (all) all.hidden = false;
    all?.addEventListener("click", async () => {
      const answer = await fetch(all.dataset.choiceAll, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      for (const key of (await answer.json()).flows) chosen.add(String(key));
      for (const box of boxes) box.checked = chosen.has(box.value);
      form.dispatchEvent(new Event("change"));
      all.hidden = true;
      form.querySelector(".choice-bar button.button--small:not([type])")?.focus();
    });
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented || !event.submitter?.closest(".choice-bar")) return;
      for (const field of form.querySelectorAll('input[type=hidden][name="flow"]')) field.remove();
      for (const key of chosen) if (!boxes.some((box) => box.value === key)) form.append(hidden("flow", key));
      if (!("looks" in event.submitter.dataset)) sessionStorage.removeItem(store);
    });
    read();
  }

  // A checkbox that ticks all the others of its name in its form, or in the part of it that has data-check-scope:
  // <input type="checkbox" data-check-all="code">, hidden until it can work. It comes after what is kept: it shows what is ticked.
  for (const all of root.querySelectorAll("[data-check-all]")) {
    const boxes = () => [...all.closest("[data-check-scope], form").querySelectorAll(`input[name="${all.dataset.checkAll}"]:not(:disabled)`)];
    const show = () => {
      const ticked = boxes().filter((box) => box.checked).length;
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
    };
    all.closest("[hidden]")?.removeAttribute("hidden");
    all.addEventListener("change", () => boxes().forEach((box) => { box.checked = all.checked; }));
    all.closest("form").addEventListener("change", (event) => { if (event.target !== all) show(); });
    show();
  }

  // Now something is done with them: <form data-done>.
  for (const form of root.querySelectorAll("form[data-done]")) {
    form.addEventListener("submit", () => {
      for (const name of Object.keys(sessionStorage)) if (name.startsWith(CHOSEN)) sessionStorage.removeItem(name);
    });
  }

  // A form is sent once: a second click while the first is on its way is ignored. The server holds the same promise itself.
  for (const form of root.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }

  // What has been told can be put away.
  for (const button of root.querySelectorAll("[data-dismiss]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      button.closest(".box").remove();
      document.getElementById("main").focus({ preventScroll: true });
    });
  }
}
function hidden(name, value) {
  return Object.assign(document.createElement("input"), { type: "hidden", name, value });
}
start(document);

// A part that is fetched anew while somebody works in it (data-keeps) keeps what was ticked and typed, and the focus: htmx
// finds it again by its id. So is what was opened. Where the row it stood on is gone, the part itself takes it, so that the keyboard does not start over.
const keeps = (event) => event.detail.target?.hasAttribute?.("data-keeps");
const kept = { ticked: [], typed: [], opened: [], focus: null };
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!keeps(event)) return;
  const part = event.detail.target;
  // On its way to the server: the answer to that is the next page, and this list no longer matters.
  if (part.querySelector("form[data-sent]")) event.detail.shouldSwap = false;
  kept.ticked = [...part.querySelectorAll("input[type=checkbox][id]:checked")].map((box) => box.id);
  kept.typed = [...part.querySelectorAll("input[type=search][id], textarea[id]")].map((field) => [field.id, field.value]);
  kept.opened = [...part.querySelectorAll("details[id][open]")].map((details) => details.id);
  kept.focus = part.contains(document.activeElement) ? document.activeElement : null;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (!keeps(event)) return;
  const part = document.getElementById(event.detail.target.id);
  if (!part) return;
  for (const id of kept.ticked) {
    const box = document.getElementById(id);
    if (box && part.contains(box)) box.checked = true;
  }
  for (const [id, text] of kept.typed) {
    const field = document.getElementById(id);
    if (field && part.contains(field)) field.value = text;
  }
  for (const id of kept.opened) document.getElementById(id)?.setAttribute("open", "");
  start(part);
  // What had been hidden until now could not take it.
  if (kept.focus?.id && !part.contains(document.activeElement)) document.getElementById(kept.focus.id)?.focus({ preventScroll: true });
  if (kept.focus && !part.contains(document.activeElement)) {
    part.tabIndex = -1;
    part.focus({ preventScroll: true });
  }
});

// What was typed wrong is told first: the summary of errors takes the focus.
document.querySelector("[data-focus]")?.focus();

// What a page says when it is opened is read aloud only when it is put there afterwards.
const notes = document.getElementById("notes");
if (notes) setTimeout(() => notes.append(...notes.children), 100);

// A button that leads on is at work until the next page is there: nobody has to wonder, or press it again. The page that is gone back to,
// or stays because nothing came of it, is as it was.
const working = new Set();
function work(button) {
  working.add(button);
  button.setAttribute("aria-busy", "true");
  if (button.tagName === "BUTTON") button.setAttribute("aria-disabled", "true");
  document.getElementById("work").textContent = document.body.dataset.work;
}
function rest() {
  for (const button of working) {
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
  }
  working.clear();
  document.getElementById("work").textContent = "";
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
}
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.getAttribute("method") === "dialog") return;
  const button = event.submitter ?? event.target.querySelector("button:not([type=button])");
  if (button) setTimeout(() => work(button)); // after the form has been read
  setTimeout(rest, LONGEST);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.button");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.target || link.pathname === location.pathname && link.hash || /\.(csv|xlsx)$/.test(link.pathname)) return;
  setTimeout(() => work(link));
  setTimeout(rest, LONGEST);
});
addEventListener("pageshow", (event) => { if (event.persisted) rest(); });

// How far the work is that the page follows stands in the tab's title, too: "(12/40) Exports".
let ours = "", plain = document.title;
function entitle() {
  if (document.title !== ours) plain = document.title;
  const part = document.querySelector('main [hx-trigger^="every"]');
  const bar = part?.querySelector("progress[value]");
  ours = `${bar ? `(${bar.value}/${bar.max}) ` : part ? "(…) " : ""}${plain}`;
  document.title = ours;
}
entitle();
document.addEventListener("htmx:afterSettle", entitle);
