"""How soon the first answer stands on the screen, over a thousand real articles."""

from statistics import median
from threading import Thread

import pytest
from werkzeug.serving import make_server

from kb.base.config import Settings
from kb.service import KnowledgeBase
from kb.web import create_app

pytestmark = [
    pytest.mark.browser,
    pytest.mark.whole_browser,
    pytest.mark.shared,
    pytest.mark.slow,
]

QUERIES = (
    "оплата счета",
    "заказ на продажу",
    "возврат товара",
    "налог на прибыль",
    "складские места",
)

# From the last keystroke to the frame that paints hits of what was typed.
WATCH = """
window.painted = new Promise((done) => {
  let typed = 0;
  setTimeout(() => done(10000), 10000); // never: said as a time, not as a test that hangs
  document.addEventListener("input", () => { typed = performance.now(); }, true);
  const list = document.getElementById("hits");
  new MutationObserver(() => {
    const q = document.getElementById("q").value;
    const href = list.firstElementChild?.href;
    if (!href || q !== window.wanted || new URL(href).searchParams.get("q") !== q) return;
    const keyed = typed;
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - keyed)));
  }).observe(list, { childList: true });
});
"""


# What the machine can do at all: the same answer, fetched and painted by nothing else.
FETCHED = """
async (query) => {
  const began = performance.now();
  await (await fetch("/api/search?lang=ru&q=" + encodeURIComponent(query + "."))).json();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - began;
}
"""


def test_the_first_answer_is_painted_within_a_quarter_of_a_second(chrome, shared_data, tmp_path):
    settings = Settings(
        articles=shared_data / "articles" / "dynamics365-bc-ru", data=tmp_path / "var"
    )
    service = KnowledgeBase.open(settings)
    service.rebuild()
    server = make_server("127.0.0.1", 0, create_app(service), threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        page = chrome.new_page(locale="ru")
        times, fetched = [], []
        for query in QUERIES:
            page.goto(f"http://127.0.0.1:{server.server_port}/ru/")
            page.evaluate(f"() => {{ window.wanted = {query!r}; {WATCH} }}")
            page.get_by_role("combobox").press_sequentially(query, delay=60)
            times.append(page.evaluate("window.painted"))
            fetched.append(page.evaluate(FETCHED, query))
        page.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        service.close()
    print(f"first answer painted after the last key, ms: {sorted(round(t) for t in times)}")
    print(f"fetched and painted by nothing else, ms: {sorted(round(t) for t in fetched)}")
    assert median(times) <= max(250, 6 * median(fetched))  # the second on a busy machine
