"""What was rendered is taken over after a kill, and only where it is what would be rendered."""

import errno
import json
import logging
import multiprocessing
import os
import signal
import stat

import pytest
from click.testing import CliRunner

from kb.base.errors import BuildBusy, BuildFailed, SearchUnavailable
from kb.cli import main
from kb.index import checkpoint, fingerprint
from kb.index.builds import MANIFEST, Builds
from kb.indexer import rebuild

FORK = multiprocessing.get_context("fork")
ARTICLES = 40
HALF = ARTICLES // 4  # of progress, where an article that is rendered counts as half


@pytest.fixture(autouse=True)
def articles(settings, write, monkeypatch):
    """Articles of many kinds, and few enough of them for a test."""
    monkeypatch.setattr(checkpoint, "LEAST", 5)
    write("notes.txt", "A file that is searched.")
    write("old", title="Old", order=3, tags=["net", "vpn"], answers=["How?"], aliases=["older"])
    write("ru/vpn", "Нажмите «Подключить», см. [почта](../mail.md#x).", title="Настройка VPN")
    write("broken", "Text.", review_by="never")  # served, with a problem
    write("nul.md", "a\0b")  # rejected
    for number in range(ARTICLES - 5):
        link = f"[next](n{number + 1:02}.md), [file](notes.txt), ![a](https://example.org/{number})"
        write(
            f"n{number:02}", f"# Password {number}\n\n{link}\n\n## Part\n\n| a | b |\n|-|-|\n|1|2|"
        )


def killed(settings, at=HALF):
    """Indexes in a process that is killed once so much of the progress is made."""

    def build():
        rebuild(
            settings, progress=lambda done, _: done < at or os.kill(os.getpid(), signal.SIGKILL)
        )

    process = FORK.Process(target=build)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    return settings.builds / checkpoint.NAME


def stored(settings):
    """What the current build is made of, without its name, and times of its making."""
    build = Builds(settings.builds).current()
    files = {
        str(path.relative_to(build.folder)): path.read_bytes()
        for path in build.folder.rglob("*")
        if path.is_file() and path.name != MANIFEST and path.parent.name != "whoosh"
    }
    facts = {key: value for key, value in build.manifest.items() if key not in ("name", "files")}
    return files, facts


@pytest.fixture
def fresh(settings, tmp_path):
    """Makes a build of the same articles that nothing interrupted; what it is made of."""

    def made(**other):
        aside = settings.model_copy(update={"data": tmp_path / "aside", **other})
        assert rebuild(aside, full=True).resumed == 0
        return stored(aside)

    return made


@pytest.mark.parametrize("at", [HALF, ARTICLES // 2 + 2], ids=["rendering", "writing"])
def test_a_killed_build_is_gone_on_from_and_equals_one_that_was_not(settings, fresh, at):
    killed(settings, at)
    done = []

    report = rebuild(settings, progress=lambda number, _: done.append(number))

    assert ARTICLES // 3 < report.resumed < ARTICLES
    assert done[0] >= report.resumed // 2  # and progress begins there
    assert [each.path for each in report.rejected] == ["nul.md"]
    assert stored(settings) == fresh()
    assert not (settings.builds / checkpoint.NAME).exists()


def test_what_is_rendered_is_kept_for_nobody_else(settings):
    assert stat.S_IMODE(killed(settings).stat().st_mode) == 0o600


def test_killed_again_and_again_it_renders_the_rest_alone(settings, fresh):
    known = []
    for at in (4, 8, 12, 16):
        killed(settings, at)
    rebuild(settings, resumed=known.append)

    assert known[0] > ARTICLES // 2
    assert stored(settings) == fresh()


def test_an_article_changed_meanwhile_is_rendered_as_it_is(settings, write, fresh):
    killed(settings)
    write("n01", "Another text.", title="Another title")
    write("n02", "## Part", title="Password 2")

    before = rebuild(settings).resumed

    assert before > ARTICLES // 4
    assert stored(settings) == fresh()


@pytest.mark.parametrize("change", ["remote_images", "langs", "lang"])
def test_other_settings_render_all_anew(settings, fresh, change):
    killed(settings)
    other = {"remote_images": True, "langs": ("en", "ru"), "lang": "en"}
    changed = settings.model_copy(update={change: other[change]})

    assert rebuild(changed).resumed == 0

    assert stored(settings) == fresh(**{change: other[change]})


def test_another_dialect_of_the_folder_renders_its_files_anew(settings, write, fresh):
    killed(settings)
    write("_config.yml", "theme: minima")
    write("n01", "{% raw %}Text.{% endraw %}", title="One", layout="post", permalink="/one/")

    rebuild(settings)

    assert stored(settings) == fresh()


@pytest.mark.parametrize("part", ["__version__", "_code", "_libraries"])
def test_another_version_of_the_program_renders_all_anew(settings, monkeypatch, part):
    killed(settings)
    monkeypatch.setattr(fingerprint, part, "9" if part == "__version__" else lambda: "9")

    assert rebuild(settings).resumed == 0


def test_a_full_build_renders_all_anew(settings, fresh):
    killed(settings)

    assert rebuild(settings, full=True).resumed == 0

    assert stored(settings) == fresh()


@pytest.mark.parametrize("at", [0, 30, 60, 70, 75, 400, 2000, -2000, -1])
def test_a_damaged_file_costs_what_follows_the_damage_and_one_line(settings, caplog, fresh, at):
    file = killed(settings)
    data = bytearray(file.read_bytes())
    data[at] ^= 0x10
    file.write_bytes(data)

    with caplog.at_level(logging.WARNING):
        report = rebuild(settings)

    damaged = [each for each in caplog.messages if "damaged" in each]
    assert len(damaged) == (at not in (0, 30))  # of another settings, as far as one can tell
    assert report.resumed < ARTICLES // 2
    assert stored(settings) == fresh()


def test_a_file_that_ends_anywhere_is_no_damage(settings, caplog, fresh):
    whole = killed(settings).read_bytes()
    expected = fresh()
    for size in (0, 5, len(whole) // 2, len(whole) - 1):
        (settings.builds / checkpoint.NAME).write_bytes(whole[:size])
        rebuild(settings)
        assert stored(settings) == expected
        for name in ("current", *Builds(settings.builds).names()):  # the next begins anew
            (settings.builds / name).rename(settings.data / f"{name}-{size}")

    assert caplog.messages == []


def test_what_is_mostly_of_other_articles_is_forgotten(settings):
    size = killed(settings, ARTICLES // 2 + 2).stat().st_size
    for path in sorted(settings.articles.glob("n*.md"))[6:]:
        path.unlink()

    killed(settings, 3)

    assert (settings.builds / checkpoint.NAME).stat().st_size < size / 2
    assert rebuild(settings).resumed < 12


def test_few_articles_are_not_kept(settings, monkeypatch):
    monkeypatch.setattr(checkpoint, "LEAST", ARTICLES + 1)

    assert not killed(settings).exists()
    assert rebuild(settings).resumed == 0


def test_a_file_that_cannot_be_written_costs_one_line(settings, caplog):
    (settings.builds / checkpoint.NAME / "in the way").mkdir(parents=True)

    report = rebuild(settings)

    assert (report.published, report.resumed) == (True, 0)
    assert len(caplog.messages) == 1
    assert "what is rendered is not kept" in caplog.messages[0]


def fails(error):
    def prepare(build):
        raise error

    return prepare


def test_what_fails_outside_keeps_what_was_rendered(settings):
    with pytest.raises(SearchUnavailable):
        rebuild(settings, prepare=fails(SearchUnavailable("no node answers")))

    assert rebuild(settings).resumed > ARTICLES // 2


def test_a_full_disk_gets_its_room_back(settings, monkeypatch):
    error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(BuildFailed, match="is full"):
        rebuild(settings, prepare=fails(error))

    assert not (settings.builds / checkpoint.NAME).exists()
    assert rebuild(settings).resumed == 0


def test_a_fault_of_the_program_is_not_read_again(settings):
    with pytest.raises(ZeroDivisionError):
        rebuild(settings, prepare=fails(ZeroDivisionError()))

    assert rebuild(settings).resumed == 0


def test_who_comes_second_leaves_the_file_alone(settings, fresh):
    killed(settings)
    second = []

    def meanwhile(done, total):
        if not second:
            with pytest.raises(BuildBusy):
                rebuild(settings)
            second.append(done)

    report = rebuild(settings, progress=meanwhile)

    assert second
    assert report.resumed > 0
    assert stored(settings) == fresh()


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "Going on where indexing was interrupted: {} articles are rendered already."),
        ("ru", "Продолжаем прерванную индексацию: {} "),
    ],
)
def test_kb_index_says_how_many_articles_were_rendered_before(settings, lang, said):
    killed(settings.model_copy(update={"lang": lang}))
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]

    done = CliRunner().invoke(main, ["index", "--json", *folders], env={"KB_LANG": lang})

    resumed = json.loads(done.stdout)["resumed"]
    assert resumed > ARTICLES // 3
    assert said.format(resumed) in done.stderr
