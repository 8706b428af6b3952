"""Writes the fixtures beside it, with the code of commit 21080bd.

    git archive 21080bd | tar -x -C /tmp/old
    PYTHONPATH=/tmp/old python make.py /tmp/made

`log.sql` is `iterdump()` of the log, `folder.tar.gz` holds the articles, builds and status.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kb.config import Settings
from kb.runs import Event
from kb.searchlog.log import SearchLog
from kb.searchlog.values import Search

from kb.service import KnowledgeBase

folder = Path(sys.argv[1])
settings = Settings(articles=folder / "articles", data=folder / "var")
(settings.articles / "ru").mkdir(parents=True)
for name, title, text in (
    ("vpn", "Настройка VPN", "Откройте приложение и выберите сервер."),
    ("password", "Как сбросить пароль", "Нажмите «Забыли пароль» и ждите письма."),
    ("bill", "Счёт и оплата", "Счёт приходит первого числа."),
):
    (settings.articles / "ru" / f"{name}.md").write_text(f"# {title}\n\n{text}\n", "utf-8")
kb = KnowledgeBase.open(settings)
kb.rebuild()
(settings.articles / "ru" / "vpn.md").write_text(
    "# Настройка VPN\n\nВыберите другой сервер.\n", "utf-8"
)
build = kb.rebuild().build
kb.close()

NOON = 1_795_000_000.0
log = SearchLog(settings.log_url)
asked = ["телепорт в офис", "возврат денег", "сбросить пароль", "vpn медленный", "письмо не пришло"]
for i in range(60):
    query = asked[i % 5]
    at = NOON + i * 3600
    events = (Event("click", "ru/password", 1, 900),) if i % 10 == 2 else ()
    total = 0 if i % 5 < 2 else 2
    log.record(
        Search(
            f"r{i}",
            f"v{i // 2}",
            query if i % 3 else f"как {query}",
            at,
            at + 2,
            lang="ru",
            build=build,
            total=total,
            confident=bool(total) and i % 2 == 0,
            keystrokes=9,
            seen=3.0,
            shown=(("ru/password", 1), ("ru/vpn", 2)) if total else (),
            events=events,
            category="",
            owner="Анна",
            robot=i == 41,
        )
    )


def moment(hours):
    return datetime.fromtimestamp(NOON, UTC) + timedelta(hours=hours)


log.feedback("ru/password", False, run="r12", reason="outdated", text="Кнопки нет", at=moment(13))
log.feedback("ru/vpn", True, run="r13", at=moment(14))
log.ticket(
    "Не приходит письмо, мой адрес не тот",
    visit="v4",
    type="вход",
    reply_to="ivan@example.com",
    at=moment(9),
    offered=["ru/password"],
)
log.purge(moment(8))
ids = {g.question: g.id for g in log.misses(status="all")}
first, second, *rest = sorted(ids.values())
log.assign(first, "Борис", who="Мария", at=moment(70))
log.annotate(first, "Спросить у разработчиков", who="Мария")
log.dismiss(rest[0], "не о нас", who="Мария", at=moment(71))
log.merge(rest[1], into=second, who="Мария", at=moment(72))
log.answer(second, slug="ru/vpn", build=build, commit="c0ffee", rank=1, at=moment(80))
groups = [
    {
        "id": g.id,
        "question": g.question,
        "visits": g.visits,
        "searches": g.searches,
        "tickets": g.tickets,
        "status": g.status,
        "owner": g.owner,
        "kinds": g.kinds,
    }
    for g in log.misses(status="all")
]
(folder / "groups.json").write_text(
    json.dumps(groups, ensure_ascii=False, indent=1) + "\n", "utf-8"
)
log.close()
