// Renews the page as soon as its article is saved. Only `kb serve --watch` sends this script.
const live = document.querySelector('meta[name="live"]');
const address = `${live.dataset.address}?path=${encodeURIComponent(live.dataset.path)}`;
const EVERY = 150, HIDDEN = 2000, KEPT = "kb-live-top";
let timer = 0;

// What somebody is typing is not thrown away.
function isTyping() {
  const field = document.activeElement ?? document.body;
  return "defaultValue" in field && field.value !== field.defaultValue;
}

function renew() {
  sessionStorage.setItem(KEPT, JSON.stringify([location.pathname, scrollY]));
  location.reload();
}

async function look() {
  let wait = document.hidden ? HIDDEN : EVERY;
  try {
    const answer = await fetch(address, { cache: "no-store" });
    if (answer.ok && (await answer.text()) !== live.content && !isTyping()) return renew();
  } catch {
    wait = HIDDEN; // the server is being restarted
  }
  clearTimeout(timer);
  timer = setTimeout(look, wait);
}

const [path, top] = JSON.parse(sessionStorage.getItem(KEPT)) ?? [];
sessionStorage.removeItem(KEPT);
if (path === location.pathname) scrollTo({ top, behavior: "instant" });
document.addEventListener("visibilitychange", look);
look();
