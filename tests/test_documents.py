"""Every `--json` is one document, and of the fields that its model names."""

import click
from pydantic import TypeAdapter, ValidationError
from visitors import Visitors

from kb.cli import main
from kb.commands.documents import DOCUMENTS
from kb.service import KnowledgeBase

# `kb misses` says its shape by --format.
BY_FORMAT = {("misses",)}
EXAMPLES = {
    ("index",): ("--full --json",),
    ("search",): ("настройка vpn --json", "настройка vpn --explain --json"),
    ("sync",): ("--json",),
    ("push",): ("{folder}/store --json",),
    ("pull",): ("{folder}/store --json",),
    ("status",): ("--json",),
    ("import",): ("html {site} --to {site}/to --json",),
    ("misses",): ("--format json",),
    ("misses", "replay"): ("--json",),
    ("misses", "learned"): ("--json",),
    ("digest",): ("--json",),
    ("backup",): ("{folder}/b.gz --json",),
    ("restore",): ("{folder}/b.gz --force --json",),
    ("leads", "list"): ("--json",),
    ("letters",): ("--json",),
    ("letters", "send"): ("--json",),
    ("tokens", "add"): ("crm --scope board:read --json",),
    ("tokens", "list"): ("--json",),
    ("config",): ("--json",),
    ("doctor",): ("--json",),
    ("eval",): ("{questions} --json",),
    ("tickets",): ("{queue} --json",),
}


def with_json(group=main, before=()):
    """The commands that print a document."""
    for name, command in group.commands.items():
        if any(option.name == "as_json" for option in command.params):
            yield (*before, name)
        if isinstance(command, click.Group):
            yield from with_json(command, (*before, name))


def test_every_document_has_a_model_and_an_example():
    assert {*with_json(), *BY_FORMAT} == set(DOCUMENTS) == set(EXAMPLES)


def test_each_document_is_what_its_model_says(runner, settings, write, tmp_path):
    write("ru/vpn", "Текст о сети VPN.", title="Настройка VPN")
    write("ru/bad").write_text("---\ntitle: [\n---\n", "utf-8")
    kb = KnowledgeBase(settings)
    kb.rebuild()
    Visitors(kb).searches("подключить кофеварку")
    kb.log.ticket("Не приходит письмо", reply_to="anna@example.com")
    kb.close()
    (tmp_path / "questions.toml").write_text(
        '[[question]]\nquery = "vpn"\nexpected = [{slug = "ru/vpn", reason = "title"}]\n', "utf-8"
    )
    (tmp_path / "queue.csv").write_text("subject,body\nVPN,Как настроить VPN?\n", "utf-8")
    (tmp_path / "site").mkdir()
    page = '<h1>Lamp</h1><p>Press it.<img src="x.png"></p>'
    (tmp_path / "site" / "lamp.html").write_text(page, "utf-8")
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]
    places = {
        "folder": tmp_path, "site": tmp_path / "site", "queue": tmp_path / "queue.csv",
        "questions": tmp_path / "questions.toml",
    }  # fmt: skip
    assert runner.invoke(main, ["leads", "add", "Анна", "--generate", *folders]).exit_code == 0
    wrong = []

    for command, examples in EXAMPLES.items():
        for example in examples:
            words = [*command, *example.format(**places).split()]
            printed = runner.invoke(main, words if command == ("import",) else [*words, *folders])
            try:
                TypeAdapter(DOCUMENTS[command]).validate_json(printed.stdout, strict=True)
            except ValidationError as error:
                wrong.append(f"{' '.join(words)}: {error} {printed.stderr}")

    assert wrong == []
