// A button that copies the text of what it names. Without scripts, or where the browser does not let pages copy, it is not there.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  const wanted = document.getElementById(button.dataset.copy);
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(wanted.textContent);
      button.textContent = button.dataset.copied;
    } catch {
      getSelection().selectAllChildren(wanted); // to be copied by hand, where the browser has just said no
    }
  });
}
