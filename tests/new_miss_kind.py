"""Adds a miss kind, searches that are of it, and prints what people and programs then see of it.

`python tests/new_miss_kind.py SETTINGS`, settings as JSON; prints JSON. A process of its own,
because tables and queries are made of the kinds when their modules are imported.
"""

import json
import os
import sys

from click.testing import CliRunner

from kb.base.config import Settings
from kb.base.messages import Message
from kb.searchlog.miss_kinds import Facts, miss_kind


@miss_kind("glanced", 8, Message("Only glanced at"))
def _glanced(facts: Facts) -> bool:
    """Results stood on the page for less than two seconds."""
    return 0 < facts.seen < 2


SECRET = "correct horse battery staple"
SEARCHES = 30


def main() -> None:
    from kb.service import KnowledgeBase
    from kb.web import create_app

    given = Settings(api_token=SECRET, database_url=os.environ["KB_DATABASE_URL"])
    settings = Settings.model_validate_json(sys.argv[1])
    settings = settings.model_copy(
        update={
            "leads_password": given.api_token,
            "api_token": given.api_token,
            "database_url": given.database_url,
        }
    )
    service = KnowledgeBase.open(settings)
    record(settings, service.now().timestamp())
    client = create_app(service).test_client()
    ours = {"Sec-Fetch-Site": "same-origin"}
    client.post("/leads/sign-in", data={"password": SECRET}, headers=ours)

    def page(path: str) -> str:
        answer = client.get(path, headers={"Authorization": f"Bearer {SECRET}"})
        assert answer.status_code == 200, path
        return answer.text

    shown = {
        "board": page("/leads?kind=glanced"),
        "numbers": page("/leads/numbers"),
        "board csv": page("/leads/misses.csv?kind=glanced"),
        "api": page("/api/misses?kind=glanced"),
        "openapi": page("/openapi.json"),
        "cli": command(settings),
        "cli csv": command(settings, "--format", "csv"),
    }
    service.close()
    print(json.dumps(shown))


def record(settings: Settings, now: float) -> None:
    """Searches whose results were left after a second."""
    from kb.searchlog.db.log import SearchLog
    from kb.searchlog.db.models import Search

    log = SearchLog(settings.log_url)
    for n in range(SEARCHES):
        search = Search(
            f"g{n}", f"g{n}", "glanced at", now + n, now + n, total=3, confident=True,
            shown=(("a", 1),), seen=1,
        )  # fmt: skip
        log.record(search)
    log.close()


def command(settings: Settings, *more: str) -> str:
    """What `kb misses` prints of the new kind."""
    from kb.cli import main

    folders = ("--articles", str(settings.articles), "--data", str(settings.data))
    return CliRunner().invoke(main, ["misses", "--kind", "glanced", *more, *folders]).stdout


if __name__ == "__main__":
    main()
