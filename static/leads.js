// The board by keyboard; without it everything is reached by Tab. Letters work outside fields, and
// by their place, so a Russian layout does not matter.
const list = document.querySelector(".groups");
const rows = list ? [...list.children] : [];
const box = (row) => row.querySelector("input");
const show = document.querySelector("[data-keys]");
if (show && rows.length) show.hidden = false;

const isField = (node) => node.closest("textarea,select,input:not([type=checkbox])");
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !rows.length || isField(event.target)) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const isArrow = event.code.startsWith("Arrow");
  const go = { KeyJ: 1, ArrowDown: 1, KeyK: -1, ArrowUp: -1 }[event.code];
  if (go && (at >= 0 || !isArrow)) {
    rows[Math.max(0, at + go)]?.querySelector("h2 a").focus();
    event.preventDefault();
  } else if (event.code === "KeyX" && at >= 0) {
    box(rows[at]).checked = !box(rows[at]).checked;
    count();
    event.preventDefault();
  } else if (event.code === "KeyU") document.querySelector("[data-undo]")?.click();
});

// All at once, a row of them with Shift, and how many.
const all = document.querySelector("[data-all]");
let last = -1;
list?.addEventListener("click", (event) => {
  if (event.target.type !== "checkbox") return;
  const at = rows.findIndex((row) => row.contains(event.target));
  if (event.shiftKey && last >= 0)
    for (const row of rows.slice(Math.min(at, last), Math.max(at, last) + 1)) box(row).checked = event.target.checked;
  last = at;
  count();
});
if (all && rows.length) {
  all.closest("[hidden]").hidden = false;
  all.addEventListener("change", () => {
    for (const row of rows) box(row).checked = all.checked;
    count();
  });
}
function count() {
  const n = rows.filter((row) => box(row).checked).length;
  const said = document.querySelector("[data-count]");
  if (said) said.textContent = n ? said.dataset.count.replace("0", n) : "";
  const bulk = document.querySelector(".bulk");
  if (bulk) bulk.classList.toggle("on", n > 0);
  if (all) all.indeterminate = n > 0 && n < rows.length;
  if (all) all.checked = n === rows.length;
}

// Copying a ready text.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.done;
  });
}
