// Comfort for the keyboard; the pages do without.
"use strict";
const rows = [...document.querySelectorAll("ol.traces a.title")];
const turn = (rel) => document.querySelector(`a[rel=${rel}]`)?.click();
function step(by) {
  if (!rows.length) return turn(by > 0 ? "next" : "prev");
  const at = rows.findIndex((row) => row.closest("li").contains(document.activeElement));
  rows[Math.max(0, Math.min(rows.length - 1, at + by))].focus();
}
const keys = {
  j: () => step(1),
  k: () => step(-1),
  n: () => turn("next"),
  p: () => turn("prev"),
  o: () => { const all = document.querySelectorAll(".column details"); const open = ![...all].every((d) => d.open); all.forEach((d) => { d.open = open; }); },
  u: () => document.querySelector("header.top a:last-of-type")?.click(),
  "/": () => document.querySelector("input[name=q]")?.focus(),
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});
