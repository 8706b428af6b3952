// The contact form: articles that may answer while writing, a draft that outlives a reload.

const DRAFT = "kb-letter";
const form = document.querySelector("form.contact");
if (form) writing();
else if (document.querySelector("[data-sent]")) {
  try {
    sessionStorage.removeItem(DRAFT);
  } catch {}
}

function writing() {
  const $ = (selector, within = document) => within.querySelector(selector);
  const make = (tag, attributes = {}, ...inside) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value) node.setAttribute(name, value);
    node.append(...inside);
    return node;
  };
  const { base, form: id, thanks, yes: answered, large, many, found: told } = form.dataset;
  const section = $("[data-offered]"), list = $("ol", section), status = $("[data-told]");
  const visit = () => $("[name=visit]", form)?.value || "";
  const lang = document.documentElement.lang;
  const post = (body) =>
    navigator.sendBeacon(base + "/api/contact", new Blob([JSON.stringify({ form: id, visit: visit(), ...body })], { type: "application/json" }));

  // --- this may already answer it ---

  const helped = (slug) => {
    post({ shown: [slug], helped: slug });
    section.replaceChildren(make("p", { role: "status" }, thanks));
    section.hidden = false;
    asking = false;
  };
  const item = (hit) => {
    const button = make("button", { type: "button", class: "quiet" }, answered);
    button.onclick = () => helped(hit.slug);
    const where = [...hit.path, hit.section].filter(Boolean).join(" › ");
    const node = make("li", { class: "hit", lang: hit.lang },
      make("h3", {}, make("a", { href: hit.url, target: "_blank", rel: "noopener" }, hit.title)));
    if (where) node.append(make("p", { class: "where" }, where));
    node.append(make("p", { class: "snippet" }, hit.answer || hit.snippet.map(([text]) => text).join("")), button);
    return node;
  };
  for (const each of document.querySelectorAll("form[data-helped]"))
    each.onsubmit = (event) => {
      event.preventDefault();
      helped($("[name=helped]", each).value);
    };

  let asking = true, last = "", quiet, n = 0;
  const shown = new Set();
  const look = async () => {
    const subject = form.subject.value.trim(), text = form.text.value.trim();
    const q = (subject || text).slice(0, 300);
    if (!asking || q.length < 8 || q === last) return;
    last = q;
    const mine = ++n;
    try {
      const reply = await fetch(base + "/api/search?" + new URLSearchParams({ q, own: lang, limit: 3 }));
      const { results, confident } = await reply.json();
      if (mine !== n || !asking) return;
      section.hidden = !confident || !results.length;
      if (section.hidden) return;
      list.replaceChildren(...results.map(item));
      status.textContent = told;
      const fresh = results.map((hit) => hit.slug).filter((slug) => !shown.has(slug));
      fresh.forEach((slug) => shown.add(slug));
      if (fresh.length) post({ shown: fresh });
    } catch {}
  };
  const later = () => {
    clearTimeout(quiet);
    quiet = setTimeout(look, 600);
  };
  form.subject.addEventListener("input", later);
  form.text.addEventListener("input", later);

  // --- the draft: in this tab, until the letter is sent ---

  const fields = ["subject", "text", "email", "type", "plan"].filter((name) => form.elements[name]);
  const keep = () => {
    try {
      sessionStorage.setItem(DRAFT, JSON.stringify(Object.fromEntries(fields.map((name) => [name, form.elements[name].value]))));
    } catch {}
  };
  try {
    const draft = JSON.parse(sessionStorage.getItem(DRAFT)) || {};
    for (const name of fields) if (draft[name] && !form.elements[name].value) form.elements[name].value = draft[name];
  } catch {}
  form.addEventListener("input", keep);
  form.addEventListener("change", keep);

  // --- files that would be refused are told before they travel ---

  const files = form.elements.file;
  const check = () => {
    const given = [...files.files], big = given.find((file) => file.size > 5 * 2 ** 20);
    files.setCustomValidity(given.length > 5 ? many : big ? large.replace("{name}", big.name) : "");
  };
  if (files) files.addEventListener("change", check);

  // One press is one letter, however long it travels.
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    $("#send").setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => {
    delete form.dataset.sent;
    $("#send").removeAttribute("aria-disabled");
  });
}
