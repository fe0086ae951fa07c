"""What the eye would stumble over on a page that is shown: asked of the browser, at the width it has."""

from __future__ import annotations

from typing import Any

# Longer words than this may be broken on a phone, and so may codes, identifiers and addresses: what holds a digit, a dot, a dash and so on.
FAULTS = """(longest) => {
  const found = new Set(), wide = document.documentElement.clientWidth;
  const tell = (what, text) => found.add(what + ": " + text.trim().replace(/\\s+/g, " ").slice(0, 60));
  if (document.documentElement.scrollWidth > wide) tell("scrolls sideways", "");
  const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  const clips = (element) => ["hidden", "clip"].includes(getComputedStyle(element).overflowX);
  const above = (element, is) => { while (element && !is(element)) element = element.parentElement; return element; };
  const isForEyes = (element) => element.checkVisibility({visibilityProperty: true, opacityProperty: true})
    && !above(element, (one) => one.matches(".visually-hidden, .skip-link, .skip-to-content-link, option") || one.clientWidth === 1);
  const months = "januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december";
  const dates = new RegExp("\\\\b\\\\d{4}-\\\\d\\\\d-\\\\d\\\\d\\\\b|\\\\b\\\\d{1,2}/\\\\d{1,2}/\\\\d{2,4}\\\\b|\\\\b[ap]\\\\.m\\\\.|\\\\b\\\\d{1,2} (" + months
    + ") \\\\d{4}|\\\\b[A-Z][a-z]{2,8}\\\\.? \\\\d{1,2}, \\\\d{4}");
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, text = node.data;
    if (!text.trim() || ["SCRIPT", "STYLE", "TEXTAREA", "OPTION"].includes(element.tagName) || !isForEyes(element)) continue;
    if (dates.test(text) && !element.closest("code, pre")) tell("a date of another style", text);
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (!box.width) continue;
    const frame = above(element, (one) => clips(one) || scrolls(one));
    if (frame && getComputedStyle(frame).textOverflow === "ellipsis") continue; // says itself that there is more
    const scroller = above(element, scrolls);
    if (!scroller && (box.right > wide + 1 || box.left < -1)) tell("text outside", text);
    if (frame && !scrolls(frame) && frame !== document.body && frame !== document.documentElement) {
      const edge = frame.getBoundingClientRect();
      if (box.right > edge.right + 1 || box.left < edge.left - 1) tell("text cut", text);
    }
    if (range.getClientRects().length < 2 || element.closest("code, pre")) continue;
    for (const word of text.matchAll(/\\S+/gu)) {
      if (word[0].length > longest || /[@\\d_/.:-]\\S/.test(word[0])) continue;
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const tops = new Set([...range.getClientRects()].map((rect) => Math.round(rect.top)));
      if (tops.size > 1) tell("a broken word", word[0]);
    }
  }
  for (const cell of document.querySelectorAll("th, td")) {
    if (!isForEyes(cell) || (wide < 1024 && cell.closest(".table--wide"))) continue;
    const scroller = above(cell, scrolls), box = cell.getBoundingClientRect();
    const edge = scroller ? Math.min(scroller.getBoundingClientRect().right, wide) : wide;
    if (box.width > 1 && box.right > edge + 1) tell("a column outside", cell.textContent);
  }
  return [...found];
}"""


def faults(page: Any) -> list[str]:
    """Sideways scrolling, cut text, broken words, columns outside, and dates that are not written as all the others.

    Source data has a column for each field: on a narrow screen it scrolls by itself.
    """
    longest_word = 18 if page.viewport_size["width"] < 600 else 30
    found: list[str] = page.evaluate(FAULTS, longest_word)
    return found
