// Keyboard, choosing rows, and when the live parts may be fetched anew. Every page works without this file.
"use strict";
(() => {
  let current = -1;
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

  function move(step) {
    const all = rows();
    if (!all.length) return;
    current = Math.min(Math.max(current + step, 0), all.length - 1);
    all.forEach((row, number) => row.classList.toggle("current", number === current));
    const link = all[current].querySelector("a");
    if (link) link.focus({ preventScroll: true });
    all[current].scrollIntoView({ block: "nearest" });
  }

  function assign() {
    const form = document.getElementById("assign");
    if (!form) return;
    const row = rows()[current];
    if (row && row.dataset.case) form.action = `/cases/${encodeURIComponent(row.dataset.case)}/assign`;
    else if (!form.getAttribute("action")) return;
    form.elements.to.value = form.dataset.me;
    form.submit();
  }

  function snooze() {
    const row = rows()[current];
    const part = document.getElementById("snooze");
    if (part) {
      part.open = true;
      part.querySelector("input:not([type=hidden])").focus();
    } else if (row && row.dataset.case) {
      location.assign(`/cases/${encodeURIComponent(row.dataset.case)}#snooze`);
    }
  }

  function help() {
    const dialog = document.getElementById("help");
    if (dialog) dialog.open ? dialog.close() : dialog.showModal();
  }

  const acts = {
    j: () => move(1),
    k: () => move(-1),
    Enter: () => rows()[current]?.querySelector("a")?.click(),
    a: assign,
    s: snooze,
    "/": () => document.getElementById("search")?.focus(),
    "?": help,
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) event.target.blur();
    if (typing(event.target) || !(event.key in acts)) return;
    if (event.key === "Enter" && (current < 0 || event.target.closest("a, button, summary"))) return;
    event.preventDefault();
    acts[event.key]();
  });

  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-all]")) return;
    document.querySelectorAll("input[name=case]").forEach((box) => { box.checked = event.target.checked; });
  });

  // What somebody is busy with is not exchanged under their hands.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.detail.elt;
    if (part.id !== "live") return;
    const busy = part.querySelector("input:checked, details[open]") !== null || (part.contains(document.activeElement) && typing(document.activeElement));
    if (busy || document.hidden) event.preventDefault();
  });
  document.addEventListener("htmx:afterSettle", () => { if (current >= 0) move(0); });

  if (location.hash === "#snooze") snooze();
})();
