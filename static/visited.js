// Marks articles that changed since this browser opened them. Days are kept here, nothing is sent.
const KEY = "kb-seen", MOST = 300;
let seen = {};
try {
  seen = JSON.parse(localStorage.getItem(KEY)) || {};
} catch {}

const isChanged = (path, day) => path in seen && seen[path] < day;
const words = document.querySelector("[data-changed]");
for (const link of words ? words.querySelectorAll("a[data-updated]") : []) {
  if (!isChanged(link.pathname, link.dataset.updated)) continue;
  const mark = document.createElement("small");
  mark.className = "changed";
  mark.lang = document.documentElement.lang;
  mark.textContent = words.dataset.changed;
  link.after(" ", mark);
}

const article = document.querySelector("article[data-updated]");
if (article) {
  const path = location.pathname;
  article.querySelector("[data-since]").hidden = !isChanged(path, article.dataset.updated);
  delete seen[path]; // the last one opened stands last
  seen[path] = article.dataset.updated;
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(Object.entries(seen).slice(-MOST))));
  } catch {}
}
