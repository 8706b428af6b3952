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
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(36)).join("");
const kept = (store, key, value) => {
  try {
    if (value === undefined) return JSON.parse(store.getItem(key));
    if (value === null) store.removeItem(key);
    else store.setItem(key, JSON.stringify(value));
  } catch {}
  return null;
};

// --- the visit: a random word, kept in this tab for a day; without scripts the page carries it ---

const today = new Date().toDateString();
let [visit, began] = kept(sessionStorage, "kb-visit") || [];
if (began !== today) kept(sessionStorage, "kb-visit", [(visit = $("[data-visit]")?.dataset.visit || newId()), today]);
for (const letter of document.querySelectorAll("form.contact"))
  if (!$("[name=visit]", letter)) letter.append(make("input", { type: "hidden", name: "visit", value: visit }));
document.addEventListener("click", ({ target }) => {
  const letter = target.closest(`a[href^="${words.root}/contact"]`);
  if (letter && !/[?&]visit=/.test(letter.search)) letter.search += "&" + new URLSearchParams({ visit });
});

// --- the box ---

const form = $("form[data-kb]");
if (form) searchBox();

function searchBox() {
  const input = $("#q", form), popup = $(".popup", form), list = $("#hits", form);
  const note = $(".note", form), status = $("[role=status]", form), helped = $(".helped", form), close = $(".close", form);
  const onPage = words.surface === "page";
  const committed = location.href, shown = new URL(committed).searchParams.get("q")?.trim();
  const framed = words.surface === "widget" && parent !== window;
  const closeFrame = () => parent.postMessage("kb-close", "*");
  let active = -1, asked = 0, request, answer, quiet, spinner, telling, lastValue = input.value.trim();
  // The server reads no more of a query either.
  const query = () => [...input.value.trim()].slice(0, 500).join("");

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
    navigator.sendBeacon(words.root + "/api/searches", new Blob([text], { type: "application/json" }));
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
  // On a phone the keyboard covers a part of the window that style sheets do not know of.
  const fit = () => {
    if (!isOpen()) return;
    form.style.setProperty("--seen", visualViewport.height + "px");
    form.style.setProperty("--top", form.getBoundingClientRect().bottom + "px");
  };
  visualViewport.addEventListener("resize", fit);
  addEventListener("scroll", fit, { passive: true });
  const open = (yes) => {
    popup.hidden = !yes;
    form.classList.toggle("open", yes);
    fit();
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
  const fill = (nodes, text = "", top) => {
    helped.hidden = !top;
    if (top) Object.assign(helped.dataset, { helped: top.slug, rank: 1 });
    nodes.forEach((node, i) => (node.id = "hit-" + i));
    list.replaceChildren(...nodes);
    list.hidden = !nodes.length;
    note.textContent = text;
    note.hidden = !text;
    choose(-1);
    open(true);
  };
  const option = (href, attributes, ...inside) =>
    make("a", { role: "option", tabindex: "-1", href, ...attributes }, ...inside);
  const line = (name, ...inside) => make("span", { class: name }, ...inside);
  // What the next page is told, so that it goes on with this search instead of counting another.
  const told = () => ({ visit, ...(run && !run.body.events.length && { run: run.body.run }) });
  const askUs = (q) =>
    option(words.root + "/contact?" + new URLSearchParams({ q, ui: words.lang, ...told() }), { class: "ask", "data-ask": "1" }, words.ask);
  const resultPage = (q, more) => words.prefix + "/search?" + new URLSearchParams({ q, ...filters(), ...more });

  const short = (found) => found && !found.url.startsWith(words.root + "/media/") && found.answer;
  const hit = (found, at, q) => {
    const address = new URL(found.url, location.href);
    address.searchParams.set("q", q);
    if (run) address.searchParams.set("run", run.body.run);
    const where = [...found.path, found.section].filter(Boolean).join(" › ");
    const snippet = found.snippet.map(([text]) => text).join("");
    const node = option(address.pathname + address.search + address.hash,
      { class: "hit", lang: found.lang, "data-slug": found.slug, "data-rank": String(at + 1) },
      line("title", ...marked(found.title_parts)));
    if (words.surface === "widget") node.target = "_blank";
    if (where) node.append(line("where", where));
    if (snippet) node.append(line("snippet", ...marked(found.snippet)));
    if (!at && short(found) && !snippet.includes(found.answer.slice(0, 50))) node.append(line("short", found.answer));
    return node;
  };
  const paint = (q) => {
    const { results, correction, confident, relevant, tried = [], without = [], with_all } = answer;
    const meant = correction ? correction.query : q;
    const nodes = results.map((found, at) => hit(found, at, meant));
    let text = correction ? say(words.instead, { q: meant }) : without.length ? say(words.without, { q: without.join(", ") }) : "";
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
    if (relevant > results.length) nodes.push(option(resultPage(q, told()), { class: "more" }, words.all + " · " + relevant));
    fill(nodes, text.trim(), short(results[0]) && results[0]);
    if (correction) note.append(" ", make("a", { href: resultPage(q, { exact: 1, ...told() }), tabindex: "-1" }, say(words.exact, { q })));
    if (without.length) note.append(" ", make("a", { href: resultPage(with_all, told()), tabindex: "-1" }, words.withAll));
    if (!results.length && words.offer.length) note.append(line("offered", words.popular));
    tell(results.length ? count(relevant) + (correction ? ". " + say(words.instead, { q: meant }) : "") : words.none);
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
    const q = query();
    if (q === lastValue) return;
    lastValue = q;
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
      if (asked.q !== query()) ask(query());
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
      const reply = await fetch(words.root + "/api/search?" + new URLSearchParams({ q, own: words.lang, limit: 6, ...filters() }), { signal: request.signal });
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

  // Keyboards of phones compose every word, so typing counts while they do; their keys do not.
  input.addEventListener("input", typed);
  input.addEventListener("compositionend", typed);
  const reopen = () => {
    const q = query();
    if (isOpen()) return;
    if (!q) showRecents();
    else if (answer && asked.q === q) paint(q);
    else if (q.length > 1 && !(onPage && q === shown)) ask(q);
  };
  input.addEventListener("focus", reopen);
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
    } else if (event.key === "Tab" && helped.hidden) open(false);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || event.keyCode === 229) return;
    if (isOpen()) leave();
    else if (input.value) {
      input.value = "";
      typed();
      open(false);
    } else if (framed) closeFrame();
    else return;
    event.preventDefault();
  });
  const leave = () => {
    input.focus();
    open(false);
  };
  close.onclick = () => {
    open(false);
    input.blur();
  };
  const took = (node) => {
    const { slug, rank, ask } = node.dataset;
    if (query()) remember(query());
    if (!onPage) history.replaceState({ q: query() }, "");
    if (slug) report("click", slug, Number(rank));
    else if (ask) report("contact");
  };
  popup.addEventListener("mousedown", (event) => event.preventDefault()); // the input keeps the focus
  popup.addEventListener("click", (event) => {
    const node = event.target.closest("[role=option]");
    if (node) took(node);
  });
  helped.onclick = () => {
    remember(query());
    report("answered", helped.dataset.helped, 1);
    status.textContent = words.thanks;
    input.focus();
    fill([], words.thanks);
  };
  if (framed) {
    const away = $("[data-close]");
    away.hidden = false;
    away.onclick = closeFrame;
  }
  popup.addEventListener("auxclick", (event) => {
    const node = event.target.closest("[role=option]");
    if (node && event.button === 1) took(node);
  });
  form.addEventListener("focusout", (event) => form.contains(event.relatedTarget) || open(false));
  form.addEventListener("submit", (event) => {
    const q = query();
    if (!q) return event.preventDefault();
    input.value = q;
    remember(q);
    if (onPage) history.replaceState(null, "", committed);
    const sent = told();
    if (run && !run.over) report();
    for (const name in sent) form.append(make("input", { type: "hidden", name, value: sent[name] }));
  });
  addEventListener("pageshow", (event) => {
    form.querySelectorAll("[name=run],[name=visit]").forEach((node) => node.remove());
    const { q } = history.state || {}; // back from a hit: the others are still there
    if (onPage && event.persisted) lastValue = input.value = new URL(location.href).searchParams.get("q") || "";
    if (!q) return;
    lastValue = input.value = q;
    history.replaceState(null, "");
    input.blur();
    input.focus();
  });

  if (words.surface === "widget" && query()) {
    lastValue = "";
    typed();
  }

  // --- shortcuts: any layout works ---

  const slash = $("[data-slash]");
  const slashOn = () => kept(localStorage, "kb-slash") !== false;
  if (slash) {
    const box = $("input", slash);
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
    if (event.isComposing || event.altKey || event.target.closest("input,textarea,select,[contenteditable]")) return;
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
const extra = ["run", "visit", "rank", "voted"].filter((name) => tidy.searchParams.has(name));
for (const name of extra) tidy.searchParams.delete(name);
if (extra.length) history.replaceState(null, "", tidy);

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
  fold.open = matchMedia("(min-width: 64rem)").matches || $(".on", fold);
  fold.dataset.done = "1";
}

for (const heading of document.querySelectorAll(".prose :is(h2, h3, h4)[id]")) {
  const link = $(".anchor", heading) || make("a", { href: "#" + heading.id, class: "anchor" }, "#");
  heading.prepend(link);
  link.setAttribute("aria-label", words.copy + ": " + heading.textContent.slice(1));
  link.onclick = async () => {
    await navigator.clipboard?.writeText(location.origin + location.pathname + link.hash);
    link.title = words.copied;
    link.classList.add("done");
  };
}

// --- reading ---

const contents = [...document.querySelectorAll(".contents a")];
const sections = contents.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
const mark = () => {
  const atEnd = innerHeight + scrollY > document.documentElement.scrollHeight - 4;
  const read = atEnd ? sections.length - 1 : sections.findLastIndex((section) => section?.getBoundingClientRect().top < 160);
  contents.forEach((link, at) => (at === read ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
};
if (contents.length) {
  addEventListener("scroll", mark, { passive: true });
  mark();
}

if (navigator.clipboard) {
  const copier = (name, text, copy) => {
    const button = make("button", { type: "button", class: name, "aria-live": "polite" }, text);
    button.onclick = async () => {
      await copy();
      button.textContent = words.codeCopied;
      setTimeout(() => (button.textContent = text), 2000);
    };
    return button;
  };
  for (const code of document.querySelectorAll(".prose pre")) {
    const around = make("div", { class: "code" });
    code.replaceWith(around);
    around.append(code, copier("copy", words.copyCode, () => {
      const copy = code.cloneNode(true);
      copy.querySelectorAll("del").forEach((node) => node.remove());
      return navigator.clipboard.writeText(copy.textContent);
    }));
  }
  const whole = $(".as-markdown");
  whole?.after(copier("as-link", words.copyMarkdown, () => {
    // Safari copies only what the click itself hands over: a promise of the text, not the text.
    const text = fetch(whole.href).then(async (reply) => {
      if (!reply.ok) throw new Error(reply.status);
      return new Blob([await reply.text()], { type: "text/plain" });
    });
    return navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
  }));
}

for (const link of document.querySelectorAll(".zoom")) {
  const image = $("img", link);
  const check = () => image.naturalWidth > image.offsetWidth || link.replaceWith(image); // shown whole already
  if (image.complete) check();
  else image.onload = check;
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const large = make("dialog", { class: "large", "aria-label": image.alt },
      make("img", { src: image.src, alt: image.alt }), make("button", { type: "button" }, words.close));
    large.onclick = () => large.close();
    large.onclose = () => large.remove();
    document.body.append(large);
    large.showModal();
  };
}
