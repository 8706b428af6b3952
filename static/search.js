// Answers while typing, over a form that works without this. Builds text nodes, never markup.

const $ = (selector, within = document) => within.querySelector(selector);
const words = JSON.parse($("#kb-data").textContent);
const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const count = (n) => {
  const forms = words.found;
  return say(forms[new Intl.PluralRules(words.lang).select(n)] || forms.other, { n });
};
const make = (tag, attributes = {}, ...inside) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value) node.setAttribute(name, value);
  node.append(...inside);
  return node;
};
const marked = (parts) => parts.map(([text, mark]) => (mark ? make("mark", {}, text) : text));
const heading = (name) => (/^[^ ]*[-_a-z]/.test(name) && !name.includes(" ") ? name[0].toUpperCase() + name.slice(1).replace(/[-_]/g, " ") : name);
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(36)).join("");
const kept = (store, key, value) => {
  try {
    if (value === undefined) return JSON.parse(store.getItem(key));
    if (value === null) store.removeItem(key);
    else store.setItem(key, JSON.stringify(value));
  } catch {}
  return null;
};
const isField = (node) => node.closest("input,textarea,select,[contenteditable]");

// --- the visit: a random word, kept in this tab for a day; without scripts the page carries it ---

const today = new Date().toDateString();
let [visit, began] = [].concat(kept(sessionStorage, "kb-visit") || []);
if (began !== today) kept(sessionStorage, "kb-visit", [(visit = $("[data-visit]")?.dataset.visit || newId()), today]);
for (const letter of document.querySelectorAll("form.contact"))
  if (!$("[name=visit]", letter)) letter.append(make("input", { type: "hidden", name: "visit", value: visit }));
document.addEventListener("click", ({ target }) => {
  const letter = target.closest("a[href^='/contact']");
  if (letter && !/[?&]visit=/.test(letter.search)) letter.search += "&" + new URLSearchParams({ visit });
});

// --- the box ---

const form = $("form[data-kb]");
if (form) searchBox();

function searchBox() {
  const input = $("#q", form), popup = $(".popup", form), list = $("#hits", form);
  const note = $(".note", form), status = $("[role=status]", form);
  const onPage = words.surface === "page";
  const committed = location.href;
  let active = -1, asked = 0, request, answer, quiet, spinner, telling, lastValue = input.value;

  // --- runs: what was typed and what came of it, told when it is over ---

  let run, idle;
  const filters = () =>
    Object.fromEntries([...new FormData(form)].filter(([name, value]) => value && !/^(q|run|visit)$/.test(name)));
  const ms = () => Math.round(performance.now() - run.began);
  const step = (q) => {
    if (!run || run.over) {
      run = { began: performance.now(), body: { run: newId(), visit, surface: words.surface === "widget" ? "widget" : "box",
        lang: words.lang, filters: filters(), build: "", steps: [], shown: [], events: [] } };
    }
    run.body.steps.push({ q, ms: ms() });
    clearTimeout(idle);
    idle = setTimeout(() => report(), 10000);
  };
  const report = (kind, slug, rank) => {
    clearTimeout(idle);
    if (!run) return;
    if (kind) run.body.events.push({ kind, slug, rank, ms: ms() });
    run.over = true;
    let text; // browsers send 64 KB at most; the last steps tell what was asked
    while ((text = JSON.stringify(run.body)).length > 2e4 && run.body.steps.length > 1) run.body.steps.shift();
    navigator.sendBeacon("/api/searches", new Blob([text], { type: "application/json" }));
  };
  addEventListener("pagehide", () => {
    if (run && !run.over) report("left");
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && run && !run.over) report();
  });

  // --- recents: in this browser only ---

  const recents = () => kept(localStorage, "kb-recent") || [];
  const remember = (q) => {
    q = q.trim();
    if (q) kept(localStorage, "kb-recent", [q, ...recents().filter((old) => old !== q)].slice(0, 5));
  };

  // --- showing ---

  const options = () => [...list.children];
  const isOpen = () => !popup.hidden;
  const open = (yes) => {
    popup.hidden = !yes;
    input.setAttribute("aria-expanded", String(yes && list.children.length > 0));
    if (!yes) choose(-1);
  };
  const choose = (at) => {
    const all = options();
    active = at;
    all.forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
    if (at < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", all[at].id);
      all[at].scrollIntoView({ block: "nearest" });
    }
  };
  const fill = (nodes, text = "") => {
    nodes.forEach((node, i) => {
      node.id = "hit-" + i;
      node.setAttribute("aria-selected", "false");
    });
    list.replaceChildren(...nodes);
    list.hidden = !nodes.length;
    note.textContent = text;
    note.hidden = !text;
    active = -1;
    input.removeAttribute("aria-activedescendant");
    open(true);
  };
  const option = (href, attributes, ...inside) =>
    make("a", { role: "option", tabindex: "-1", href, ...attributes }, ...inside);
  const line = (name, ...inside) => make("span", { class: name }, ...inside);
  // What the next page is told, so that it goes on with this search instead of counting another.
  const told = () => ({ visit, ...(run && !run.body.events.length && { run: run.body.run }) });
  const askUs = (q) =>
    option("/contact?" + new URLSearchParams({ q, ui: words.lang, ...told() }), { class: "ask", "data-ask": "1" }, words.ask);
  const resultPage = (q, more) => words.prefix + "/search?" + new URLSearchParams({ q, ...filters(), ...more });

  const hit = (found, at, q) => {
    const address = new URL(found.url, location.href);
    address.searchParams.set("q", q);
    if (run) address.searchParams.set("run", run.body.run);
    const where = [heading(found.category), found.section].filter(Boolean).join(" › ");
    const node = option(address.pathname + address.search + address.hash,
      { class: "hit", lang: found.lang, "data-slug": found.slug, "data-rank": String(at + 1) },
      line("title", ...marked(found.title_parts)));
    if (words.surface === "widget") node.target = "_blank";
    if (where) node.append(line("where", where));
    if (found.snippet.length) node.append(line("snippet", ...marked(found.snippet)));
    if (found.answer && !found.snippet.map((part) => part[0]).join("").includes(found.answer.slice(0, 50)))
      node.append(line("short", found.answer));
    return node;
  };
  const paint = (q) => {
    const { results, correction, confident, total, tried = [] } = answer;
    const meant = correction ? correction.query : q;
    const nodes = results.map((found, at) => hit(found, at, meant));
    const top = results.findIndex((found) => found.answer);
    if (top >= 0) {
      const { slug } = results[top];
      nodes.splice(top + 1, 0, make("div", { role: "option", class: "helped", "data-helped": slug, "data-rank": String(top + 1) }, words.helped));
    }
    let text = correction ? say(words.instead, { q: meant }) : "";
    if (!results.length) {
      text = say(words.noneFor, { q });
      if (tried.length) text += " " + say(words.tried, { list: tried.map((each) => each.query).join(", ") });
      if (words.promise) text += " " + words.promise;
      nodes.push(...words.offer.map(([title, url, lang]) => option(url, { lang, class: "hit" }, line("title", title))), askUs(q));
    } else if (!confident) {
      text += " " + words.weak;
      nodes.push(askUs(q));
    }
    if (correction) nodes.push(option(resultPage(q, { exact: 1, ...told() }), { class: "more" }, say(words.exact, { q })));
    if (total > results.length) nodes.push(option(resultPage(q, told()), { class: "more" }, words.all + " · " + total));
    fill(nodes, text.trim());
    if (correction) note.append(" ", make("a", { href: resultPage(q, { exact: 1, ...told() }), tabindex: "-1" }, say(words.exact, { q })));
    tell(results.length ? count(total) + (correction ? ". " + say(words.instead, { q: meant }) : "") : words.none);
    if (run) {
      run.body.build = answer.build;
      run.body.shown = results.map((found, at) => [found.slug, at + 1]);
    }
  };
  const showRecents = () => {
    const all = recents();
    if (!all.length) return open(false);
    const clear = make("div", { role: "option", class: "more" }, words.clear);
    clear.onclick = () => {
      kept(localStorage, "kb-recent", null);
      open(false);
    };
    fill([...all.map((q) => option(resultPage(q, { visit }), { class: "recent" }, q)), clear], words.recent);
  };
  // Announced only after 1.4 s of quiet: a count for every letter is noise.
  const tell = (text) => {
    clearTimeout(telling);
    telling = setTimeout(() => (status.textContent = text), Math.max(0, 1400 - (performance.now() - typedAt)));
  };

  // --- asking ---

  let typedAt = 0;
  const typed = () => {
    const q = input.value.trim();
    if (q === lastValue.trim()) return;
    lastValue = input.value;
    typedAt = performance.now();
    clearTimeout(telling);
    status.textContent = "";
    if (onPage) history.replaceState(null, "", resultPage(q));
    if ([...q].length < 2) {
      clearTimeout(quiet);
      quiet = 0;
      drop();
      answer = null;
      return q ? open(false) : showRecents();
    }
    step(q);
    if (!quiet) ask(q); // the first keystroke at once, the others when typing rests
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      quiet = 0;
      if (asked.q !== input.value.trim()) ask(input.value.trim());
    }, 150);
  };
  const drop = () => {
    asked = { n: (asked.n || 0) + 1 };
    request?.abort();
    clearTimeout(spinner);
    form.classList.remove("waiting");
  };
  const ask = async (q) => {
    drop();
    asked.q = q;
    const mine = asked;
    request = new AbortController();
    spinner = setTimeout(() => form.classList.add("waiting"), 300);
    try {
      const reply = await fetch("/api/search?" + new URLSearchParams({ q, own: words.lang, limit: 6, ...filters() }), { signal: request.signal });
      if (!reply.ok) throw new Error(reply.status);
      const found = await reply.json();
      if (mine !== asked) return; // a newer question has been asked since
      answer = found;
      paint(q);
    } catch (error) {
      if (mine !== asked || error.name === "AbortError") return;
      fill([], words.failed);
      tell(words.failed);
    }
    clearTimeout(spinner);
    form.classList.remove("waiting");
  };

  // --- hands ---

  input.addEventListener("input", (event) => event.isComposing || typed());
  input.addEventListener("compositionend", typed);
  input.addEventListener("focus", () => {
    if (!input.value.trim() && !isOpen()) showRecents();
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    const all = options();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!all.length || event.altKey) return;
      event.preventDefault();
      if (!isOpen()) open(true);
      const places = all.length + 1; // the options and the input itself
      choose(((active + 1 + (event.key === "ArrowDown" ? 1 : -1) + places) % places) - 1);
    } else if (event.key === "Enter" && active >= 0 && isOpen()) {
      event.preventDefault();
      const chosen = all[active];
      if ((event.ctrlKey || event.metaKey) && chosen.href) {
        took(chosen);
        window.open(chosen.href, "_blank", "noopener");
      } else chosen.click();
    } else if (event.key === "Escape") {
      if (isOpen()) open(false);
      else if (input.value) {
        input.value = "";
        typed();
        open(false);
      } else return;
      event.preventDefault();
    } else if (event.key === "Tab") open(false);
  });
  const took = (node) => {
    const { slug, rank, ask } = node.dataset;
    if (input.value.trim()) remember(input.value);
    if (slug) report("click", slug, Number(rank));
    else if (ask) report("contact");
  };
  popup.addEventListener("mousedown", (event) => event.preventDefault()); // the input keeps the focus
  popup.addEventListener("click", (event) => {
    const node = event.target.closest("[role=option]");
    if (!node) return;
    const { helped, rank } = node.dataset;
    if (!helped) return took(node);
    remember(input.value);
    report("answered", helped, Number(rank));
    status.textContent = words.thanks;
    fill([], words.thanks);
  });
  popup.addEventListener("auxclick", (event) => {
    const node = event.target.closest("[role=option]");
    if (node && event.button === 1) took(node);
  });
  form.addEventListener("focusout", (event) => form.contains(event.relatedTarget) || open(false));
  form.addEventListener("submit", (event) => {
    const q = input.value.trim();
    if (!q) return event.preventDefault();
    remember(q);
    if (onPage) history.replaceState(null, "", committed);
    const sent = told();
    if (run && !run.over) report();
    for (const name in sent) form.append(make("input", { type: "hidden", name, value: sent[name] }));
  });
  addEventListener("pageshow", (event) => {
    form.querySelectorAll("[name=run],[name=visit]").forEach((node) => node.remove());
    if (onPage && event.persisted) lastValue = input.value = new URL(location.href).searchParams.get("q") || "";
  });

  // --- shortcuts: by the letter or by the key it stands on, so any layout works ---

  const slash = $("[data-slash]");
  const box = slash && $("input", slash);
  const slashOn = () => kept(localStorage, "kb-slash") !== false;
  if (box) {
    slash.hidden = false;
    box.checked = slashOn();
    box.onchange = () => kept(localStorage, "kb-slash", box.checked);
  }
  const hint = $(".key", form);
  if (hint && matchMedia("(hover: hover)").matches) {
    hint.textContent = /Mac|iP/.test(navigator.platform) ? "⌘K" : "Ctrl K";
    hint.hidden = false;
  }
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || isField(event.target)) return;
    const is = (key, code) => event.key.toLowerCase() === key || event.code === code;
    const command = event.ctrlKey || event.metaKey;
    if (command ? !event.shiftKey && is("k", "KeyK") : slashOn() && (event.key === "/" || (!event.shiftKey && event.code === "Slash"))) {
      event.preventDefault();
      input.focus();
      input.select();
    }
  });
}

// --- around it ---

for (const answered of document.querySelectorAll("form[data-answered]")) {
  answered.onsubmit = (event) => {
    event.preventDefault();
    fetch(answered.action, { method: "POST", body: new URLSearchParams(new FormData(answered)), redirect: "manual" });
    answered.replaceWith(make("p", { role: "status" }, words.thanks));
  };
}

const tidy = new URL(location.href);
if (["run", "visit", "rank", "voted"].some((name) => tidy.searchParams.has(name))) {
  ["run", "visit", "rank", "voted"].forEach((name) => tidy.searchParams.delete(name));
  history.replaceState(null, "", tidy);
}

const theme = $("[data-theme-switch]");
if (theme) {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => theme.setAttribute("aria-pressed", String(isDark()));
  theme.hidden = false;
  show();
  system.onchange = show;
  theme.onclick = () => {
    const wanted = isDark() ? "light" : "dark";
    if ((wanted === "dark") === system.matches) delete root.dataset.theme; // as the system again
    else root.dataset.theme = wanted;
    try {
      if (root.dataset.theme) localStorage.setItem("kb-theme", wanted);
      else localStorage.removeItem("kb-theme");
    } catch {}
    show();
  };
}

// Open without scripts; on a phone closed until asked for.
for (const fold of document.querySelectorAll(".fold")) {
  fold.open = matchMedia("(min-width: 64rem)").matches || fold.querySelector(".on");
  fold.dataset.done = "1";
}

for (const heading of document.querySelectorAll(".prose :is(h2, h3, h4)[id]")) {
  const link = $(".anchor", heading) || make("a", { href: "#" + heading.id, class: "anchor" }, "#");
  link.setAttribute("aria-label", words.copy + ": " + heading.textContent.replace(/#$/, ""));
  link.onclick = async () => {
    await navigator.clipboard?.writeText(new URL("#" + heading.id, location.origin + location.pathname).href);
    link.title = words.copied;
    link.classList.add("done");
  };
  heading.append(link);
}
