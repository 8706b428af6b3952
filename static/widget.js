// One script tag puts the help centre's search into any site: a button, and a panel with its page in a frame.
// <script src="https://help.example.com/widget.js" defer data-lang="ru" data-label="Помощь"></script>
// Then: kbWidget.open("query"), kbWidget.close(), kbWidget.toggle(). No cookie, nothing kept.
{
  const script = document.currentScript;
  // The help centre may be below a path of its site: https://example.com/help/widget.js
  const { origin, pathname } = new URL(script.src);
  const home = origin + pathname.replace(/\/(static\/)?widget\.js$/, "");
  const { lang = document.documentElement.lang || "", label, button: wanted } = script.dataset;
  const russian = lang.startsWith("ru");
  const name = label || (russian ? "Помощь" : "Help");
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  // A constructed sheet needs no 'unsafe-inline' from the host page's policy.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; color-scheme: light dark; }
    button { position: fixed; inset-block-end: 1.25rem; inset-inline-end: 1.25rem; z-index: 2147483000; min-block-size: 3rem;
      padding: .6rem 1.4rem; border: 0; border-radius: 2rem; font: 600 1rem/1.2 system-ui, sans-serif; cursor: pointer;
      background: #1a56db; color: #fff; box-shadow: 0 6px 24px #0004; }
    button:focus-visible { outline: 3px solid #fff; outline-offset: 2px; box-shadow: 0 0 0 6px #1a56db; }
    iframe { position: fixed; inset-block-end: 5.25rem; inset-inline-end: 1.25rem; z-index: 2147483000; border: 1px solid #8888;
      border-radius: 1rem; inline-size: min(26rem, calc(100vw - 2.5rem)); block-size: min(38rem, calc(100vh - 7rem));
      background: Canvas; box-shadow: 0 10px 40px #0004; }
    @media (max-width: 30rem) { iframe { inset: 0; inline-size: 100%; block-size: 100%; border: 0; border-radius: 0; } }
    [hidden] { display: none; }`);
  root.adoptedStyleSheets = [sheet];

  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.setAttribute("aria-expanded", "false");
  button.hidden = wanted === "none";
  let frame;

  const open = (query = "") => {
    if (!frame || query) {
      frame?.remove();
      frame = document.createElement("iframe");
      frame.title = name;
      frame.src = home + "/widget?" + new URLSearchParams({ q: query, ui: lang.slice(0, 2), page: location.pathname });
      root.append(frame);
    }
    frame.hidden = false;
    button.setAttribute("aria-expanded", "true");
    frame.focus();
  };
  const close = () => {
    if (frame) frame.hidden = true;
    button.setAttribute("aria-expanded", "false");
    button.focus();
  };
  const toggle = () => (frame && !frame.hidden ? close() : open());
  button.onclick = toggle;
  root.addEventListener("keydown", (event) => event.key === "Escape" && close());
  addEventListener("message", (event) => {
    if (event.origin === origin && event.source === frame?.contentWindow && event.data === "kb-close") close();
  });
  root.append(button);
  document.body.append(host);
  window.kbWidget = { open, close, toggle };
}
