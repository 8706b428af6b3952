// Marks articles that changed since this browser opened them. Days are kept here, nothing is sent.
const KEY = "kb-seen", MOST = 300;
let seen = {};
try {
  seen = JSON.parse(localStorage.getItem(KEY)) || {};
} catch {}

const isChanged = (path, day) => path in seen && seen[path] < day;
const mark = (node) => {
  const text = document.createElement("small");
  text.className = "changed";
  text.lang = document.documentElement.lang;
  text.textContent = node.closest("[data-changed]").dataset.changed;
  node.after(" ", text);
};
for (const link of document.querySelectorAll("[data-changed] a[data-updated]"))
  if (isChanged(link.pathname, link.dataset.updated)) mark(link);

const article = document.querySelector("article[data-updated]");
if (article) {
  const path = location.pathname;
  if (isChanged(path, article.dataset.updated)) mark(article.querySelector(".by time"));
  delete seen[path]; // the last one opened stands last
  seen[path] = article.dataset.updated;
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(Object.entries(seen).slice(-MOST))));
  } catch {}
}
