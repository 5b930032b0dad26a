// Fetches the page every two seconds and changes it in place, so that the focus, the
// selection, typed text and the scroll position stay.
"use strict";
(() => {
  const every = 2000;
  const kept = new Set(["INPUT", "TEXTAREA", "SELECT"]);
  let running = false;

  // Makes `old` equal to `next` with few changes.
  function morph(old, next) {
    if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) {
      old.replaceWith(next.cloneNode(true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
      return;
    }
    // Typed text, ticks and opened details stay.
    if (kept.has(old.nodeName) && old.type !== "hidden" && old.name === next.name && old.type === next.type) return;
    const opened = old.nodeName === "DETAILS";
    for (const { name } of [...old.attributes]) {
      if (!next.hasAttribute(name) && !(opened && name === "open")) old.removeAttribute(name);
    }
    for (const { name, value } of [...next.attributes]) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    children(old, next);
  }

  // Elements with the same key are the same element, wherever they stand.
  function children(old, next) {
    const known = new Map();
    for (const child of old.children) {
      if (child.dataset.key) known.set(child.dataset.key, child);
    }
    // Those that are gone go first, so that the others keep their places.
    for (const child of next.children) known.delete(child.dataset.key);
    for (const [, child] of known) child.remove();
    known.clear();
    for (const child of old.children) {
      if (child.dataset.key) known.set(child.dataset.key, child);
    }
    let at = old.firstChild;
    for (const wanted of [...next.childNodes]) {
      const key = wanted.dataset && wanted.dataset.key;
      const found = key && known.get(key);
      const same = found && found.dataset.key === key ? found : null;
      if (same && same !== at) {
        if (old.moveBefore) old.moveBefore(same, at);
        else old.insertBefore(same, at);
        morph(same, wanted);
      } else if (at && !(key && !same)) {
        const here = at;
        at = at.nextSibling;
        morph(here, wanted);
      } else {
        old.insertBefore(wanted.cloneNode(true), at);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  async function renew() {
    if (running || document.hidden) return;
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!document.querySelector("main[data-live]") || !page.querySelector("main[data-live]")) return;
      for (const part of ["main", "body > header", "body > footer"]) {
        const old = document.querySelector(part);
        const next = page.querySelector(part);
        if (old && next) morph(old, next);
      }
      document.title = page.title;
    } catch {
      const live = document.querySelector("[data-standing]");
      if (live) live.textContent = "not reached: this is old";
    } finally {
      running = false;
    }
  }

  // A box that ticks all others of its form; it is hidden without scripts.
  function ticks() {
    for (const all of document.querySelectorAll("input[data-all]")) {
      all.hidden = false;
      all.addEventListener("change", () => {
        for (const box of all.form.querySelectorAll("input[type=checkbox]")) box.checked = all.checked;
      });
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    ticks();
    if (!document.querySelector("main[data-live]")) return;
    setInterval(renew, every);
    document.addEventListener("visibilitychange", renew);
  });
})();
