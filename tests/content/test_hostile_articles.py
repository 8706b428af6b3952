"""Sixty hostile files among good ones: each bad file is named once, every good one rendered."""

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from paths import ROOT, TESTS

from kb.base import sandbox
from kb.base.config import Settings
from kb.content import addresses, articles, markup
from kb.content.folder import list_files, read_file
from kb.content.problems import Problem

GOOD = 40
WORD = "x" * 100_000

# Content, and what must come of it: a code, "good", or "any" where only an end to it counts.
HOSTILE = {
    # bytes
    "nul": (b"a\0b", "nul"),
    "zeros": (bytes(100_000), "nul"),
    "noise": (random.Random(1).randbytes(200_000).replace(b"\0", b"\xff"), "not-utf8"),
    "cp1251": ("Текст статьи".encode("cp1251"), "not-utf8"),
    "cut": ("Текст".encode()[:-1], "not-utf8"),
    "overlong": (b"\xc0\xaf\xc0\xae", "not-utf8"),
    "surrogate": (b"\xed\xa0\x80", "not-utf8"),
    "utf16": ("# x".encode("utf-16"), "utf16"),
    "utf32": ("# x".encode("utf-32"), "utf16"),
    "too-large": (b"x" * (3 * 2**20), "too-large"),
    "50-mb": (b"# x\n" * (50 * 2**18), "too-large"),
    # front matter
    "open": (b"---\ntitle: x\n", "front-matter-open"),
    "list": (b"---\n- a\n---\n", "front-matter-not-keys"),
    "colon": (b"---\ntitle: Error: x\n---\n", "bad-yaml"),
    "tab": (b"---\n\ttitle: x\n---\n", "bad-yaml"),
    "yaml-bomb": (
        b"---\na: &a [x,x]\n" + b"b: &b [*a,*a]\nc: &c [*b,*b]\n" * 50 + b"---\n",
        "yaml-alias",
    ),
    "yaml-tag": (b"---\nx: !!python/object/apply:os.system ['id']\n---\n", "yaml-tag"),
    "yaml-deep": (b"---\na: " + b"[" * 100_000 + b"\n---\n", "any-error"),
    "yaml-braces": (b"---\na: " + b"{a: " * 50_000 + b"\n---\n", "any-error"),
    "yaml-questions": (b"---\n" + b"? " * 50_000 + b"\n---\n", "any-error"),
    "yaml-wide": (b"---\n" + b"k: v\n" * 40_000 + b"---\n", "front-matter-too-deep"),
    "yaml-long": (b"---\na: " + b"x" * 400_000 + b"\n---\n", "front-matter-too-large"),
    "toml-dots": (b"+++\na" + b".a" * 50_000 + b" = 1\n+++\n", "front-matter-too-deep"),
    "toml-brackets": (b"+++\na = " + b"[" * 20_000 + b"\n+++\n", "bad-toml"),
    "conflict": (b"---\n<<<<<<< HEAD\ntitle: x\n---\n", "merge-conflict"),
    "language": (b"---js\n{}\n---\n", "front-matter-language"),
    "numbers": (b"---\nboost: " + b"9" * 9_999 + b"\n---\nx", "good"),
    "escapes": (b'---\ntitle: "\\0 \\ud800 \\x07"\n---\nx', "any"),
    "climbing-slug": (b"---\nslug: ../../etc/passwd\n---\nx", "good"),
    "long-slug": (b"---\nslug: " + b"a" * 5_000 + b"\n---\nx", "good"),
    "long-title": (b"---\ntitle: " + b"word " * 20_000 + b"\n---\nx", "good"),
    "many-tags": (b"---\ntags: [" + b"a, " * 9_000 + b"]\n---\nx", "good"),
    # Markdown
    "brackets": (b"[" * 20_000, "any"),
    "closed-brackets": (b"[" * 9_000 + b"]" * 9_000, "any"),
    "images": (b"![" * 9_000, "any"),
    "links": (b"[a](" * 9_000, "any"),
    "references": (b"[a][b]" * 9_000 + b"\n\n[b]: x\n", "any"),
    "nested-lists": (b"".join(b"    " * i + b"- x\n" for i in range(600)), "any"),
    "nested-items": (b"- " * 20_000 + b"x", "any"),
    "nested-quotes": (b"> " * 20_000 + b"x", "any"),
    "nested-notes": (b"".join(b"    " * i + b"!!! note\n\n" for i in range(300)), "any"),
    "containers": (b":::note\n" * 3_000, "any"),
    "stars": (b"*a **b " * 20_000, "any"),
    "underscores": (b"_a __b " * 20_000, "any"),
    "backticks": (b"`a ``b " * 20_000, "any"),
    "fences": (b"```\n~~~\n" * 10_000, "any"),
    "angles": (b"<" * 100_000, "any"),
    "tags": (b"<div>" * 20_000, "any"),
    "comments": (b"<!--" * 20_000, "any"),
    "attributes": (b"<a " + b"a=b " * 50_000 + b">", "any"),
    "entities": (b"&amp;" * 100_000, "any"),
    "headings": (b"# a\n" * 20_000, "any"),
    "same-headings": (b"## a\n\n" * 5_000, "any"),
    "table": (b"|a" * 5_000 + b"\n" + b"|-" * 5_000 + b"\n" + b"|b" * 5_000, "any"),
    "tall-table": (b"|a|b|\n|-|-|\n" + b"|c|d|\n" * 20_000, "any"),
    "footnotes": (b"".join(b"[^%d]: x[^%d]\n\n" % (i, i + 1) for i in range(2_000)), "any"),
    "word": (WORD.encode(), "any"),
    "words-of-100k": ((WORD + " ").encode() * 10, "any"),
    "one-line": (b"word " * 300_000, "any"),
    "empty-lines": (b"\n" * 1_000_000, "any"),
    "spaces": (b" " * 1_000_000, "any"),
    "tabs": (b"\t" * 500_000 + b"x", "any"),
    "combining": ("e" + "\u0301" * 200_000).encode(),
    "right-to-left": ("\u202e" * 9_999 + "x").encode(),
    "stx": (b"\x02wzxhzdk:0\x03 \x02klzzwxh:0\x03" * 9_000, "any"),
    "script": (b"<script>" * 9_000 + b"alert(1)", "any"),
    "colours": (b"```python\n" + b"'" * 200_000 + b"\n```\n", "any"),
    "addresses": (b"https://" * 50_000, "any"),
    "tasks": (b"- [ ] a\n" * 20_000, "any"),
    "empty": (b"", "good"),
}  # fmt: skip


def expectation(name):
    found = HOSTILE[name]
    return found if isinstance(found, tuple) else (found, "any")


def write(root):
    """The folder; returns what each path must come to."""
    expected = {}
    for name in HOSTILE:
        data, outcome = expectation(name)
        (root / f"{name}.md").write_bytes(data)
        expected[f"{name}.md"] = outcome
    for i in range(GOOD):
        (root / f"good-{i:02}.md").write_text(f"# Статья {i}\n\n## Шаг\n\nТекст *статьи* {i}.\n")
        expected[f"good-{i:02}.md"] = "good"
    (root / "GOOD-00.md").write_text("# The same address\n")
    expected |= {"GOOD-00.md": "good", "good-00.md": "slug-taken"}
    os.mkfifo(root / "pipe.md")
    (root / "passwd.md").symlink_to("/etc/passwd")
    (root / "zero.md").symlink_to("/dev/zero")
    (root / "loop.md").symlink_to("loop.md")
    (root / "nowhere.md").symlink_to("nowhere-at-all")
    (root / "up").symlink_to("..")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "socket.md"))
    (root / "new\nline.md").write_text("x")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff.md")).write_text("x")
    expected |= {
        "pipe.md": "not-a-file", "socket.md": "not-a-file", "passwd.md": "link-outside",
        "zero.md": "link-outside", "up": "link-outside", "loop.md": "link-broken",
        "nowhere.md": "link-broken", "new\nline.md": "bad-name", "\\xff.md": "bad-name",
    }  # fmt: skip
    return expected


def work(task):
    """What the indexer does for one article."""
    path, data = task
    parsed = articles.parse(path, data)
    if not parsed.article:
        return parsed, None
    article = parsed.article
    rendered = markup.render(article.body, path=path, lang=article.lang, title=article.title)
    return parsed, (len(rendered.html), [s.title for s in rendered.sections])


def build(root, seconds, megabytes):
    """Everything up to the index: errors by path, and the paths that were rendered."""
    listing = list_files(root)
    problems = [p for p in listing.problems if p.level == "error"]
    paths = []

    def tasks():
        for source in listing.sources:
            data = read_file(root, source)
            if isinstance(data, Problem):
                problems.append(data)
            else:
                paths.append(source.path)
                yield source.path, data

    done = []
    for number, result in sandbox.each(work, tasks(), seconds=seconds, megabytes=megabytes):
        path = paths[number]
        if isinstance(result, sandbox.Failure):
            problems.append(Problem(path, 1, f"too-{result.kind}", result.message))
        else:
            parsed, rendered = result
            problems += [p for p in parsed.problems if p.level == "error"]
            if rendered:
                done.append(parsed.article)
    settled, taken = addresses.settle(done)
    problems += [p for p in taken if p.level == "error"]
    return [(p.path, p.code) for p in problems], [a.path for a in settled]


def main(root, seconds, megabytes):
    begun = time.monotonic()
    problems, rendered = build(Path(root), float(seconds), int(megabytes))
    told = {"problems": problems, "rendered": rendered, "seconds": time.monotonic() - begun}
    told["processor"] = sum(os.times()[:4])  # of this process and of its children
    print(json.dumps(told))


def memory(session, others):
    """Megabytes the processes of a session take, what they share counted once.

    Names of processes of other sessions are kept in `others`: they are looked at once.
    """
    taken = 0
    for name in set(filter(str.isdecimal, os.listdir("/proc"))) - others:
        process = Path("/proc", name)
        with suppress(OSError):  # it may have ended
            if int((process / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                told = (process / "smaps_rollup").read_text()
                taken += int(told.partition("\nPss:")[2].split()[0])
            else:
                others.add(name)
    return taken / 1024


@pytest.mark.slow
def test_sixty_hostile_files_are_named_once_and_the_good_ones_are_rendered(tmp_path):
    root = tmp_path / "articles"
    root.mkdir()
    expected = write(root)
    assert len(expected) - GOOD >= 60

    out = tmp_path / "out.json"
    most, others = 0.0, set()
    with out.open("w") as told:
        child = subprocess.Popen(
            [sys.executable, __file__, str(root), "3", str(Settings().render_megabytes)],
            stdout=told,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(TESTS)))},
            start_new_session=True,
        )
        while child.poll() is None:
            most = max(most, memory(child.pid, others))
            time.sleep(0.02)

    assert child.returncode == 0
    found = json.loads(out.read_text())
    named = Counter(path for path, _ in found["problems"])
    codes = dict(found["problems"])
    assert set(named.values()) == {1}
    assert not set(found["rendered"]) & set(named)
    assert set(expected) == set(found["rendered"]) | set(named)
    for path, outcome in expected.items():
        if outcome == "good":
            assert path in found["rendered"], (path, codes.get(path))
        elif outcome == "any-error":
            assert path in named
        elif outcome != "any":
            assert codes.get(path) == outcome, path
    print({name: found[name] for name in ("seconds", "processor")} | {"megabytes": most})
    assert found["processor"] <= 60  # what it takes on a machine of its own, at most
    assert 50 < most <= 500


if __name__ == "__main__":
    main(*sys.argv[1:])
