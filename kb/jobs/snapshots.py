"""A commit or a folder as a state of the knowledge base: its articles, settings and expectations.

Builds nothing and asks nothing. A commit's files are put into a folder of their own; what a
folder holds is used where it lies.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kb.base import config
from kb.base.config import Settings
from kb.base.errors import ConfigError
from kb.base.messages import Message, quoted
from kb.content import exclusions, navigation
from kb.content.metadata import ENDINGS
from kb.git import checkout, history
from kb.git.checkout import Blob, NoSuchState
from kb.git.history import History

Load = Callable[[Path], Settings]
"""The settings as a `kb.toml` in that folder makes them."""

MISSES = "misses.jsonl"
RELEVANCE = "tests/relevance"
_BESIDE = {"synonyms.yml", "owners.yml", "pins.yml"}
_MOST_BYTES = 2**24  # of a file that is no article


@dataclass(frozen=True, slots=True)
class State:
    """Where a state's files lie now, and what git says of its articles."""

    name: str  # as it was asked for; "" is the working tree
    commit: str  # "" where it is a folder
    settings: Settings
    past: History | None  # None: the folder itself can be asked
    places: tuple[Path, ...]  # where what belongs to the articles may stand

    def files(self, pattern: str) -> list[Path]:
        """The files of that name beside the articles, sorted."""
        return [path for place in self.places for path in sorted(place.glob(pattern))]


def working_tree(settings: Settings, here: Path) -> State:
    """What lies in the folders that `settings` name, seen from the folder `here`."""
    return _folder("", settings, settings.articles, here)


def find(name: str, settings: Settings, load: Load, here: Path, into: Path) -> State:
    """The state a folder or a commit holds; a commit's files are written below `into`.

    Raises NoSuchState when it is neither, or both.
    """
    folder = Path(os.path.expanduser(name))
    is_folder = os.path.isdir(folder)
    if is_folder and name.startswith((".", "/", "~")):
        return _of_folder(name, folder, settings, load, here)
    repository = checkout.top(settings.articles) or checkout.top(here)
    if repository is None and not is_folder:
        raise NoSuchState(
            Message(
                "{name} is no folder, and {articles} lies in no git repository; name two folders,"
                " or run it in a clone",
                name=quoted(name),
                articles=str(settings.articles),
            )
        )
    try:
        commit = checkout.commit_of(repository, name) if repository is not None else ""
    except NoSuchState:
        if not is_folder:
            raise
        commit = ""
    if commit and is_folder:
        raise NoSuchState(
            Message(
                "{quoted} is a folder and a commit; write ./{name} or refs/heads/{name}",
                quoted=quoted(name),
                name=name,
            )
        )
    if not commit or repository is None:
        return _of_folder(name, folder, settings, load, here)
    return _of_commit(name, commit, repository, settings, load, here, into)


# ---------------------------------------------------------------- folders


def _of_folder(name: str, folder: Path, settings: Settings, load: Load, here: Path) -> State:
    """A project with its own `kb.toml` and articles, or a folder of articles alone."""
    own = load(folder) if (folder / config.FILE).is_file() else settings
    below = _seen_from(here, own.articles)
    if below is not None and (folder / below).is_dir() and below != PurePosixPath("."):
        return _folder(name, own, folder / below, folder)
    return _folder(name, own, folder, folder)


def _folder(name: str, settings: Settings, articles: Path, project: Path) -> State:
    places = dict.fromkeys(
        place.resolve() for place in (articles, articles.resolve().parent, project)
    )
    ours = settings.model_copy(update={"articles": articles})
    return State(name, "", ours, None, tuple(places))


def _seen_from(here: Path, path: Path) -> PurePosixPath | None:
    """A path relative to a folder above it, or None."""
    try:
        return PurePosixPath((here / path).resolve().relative_to(here.resolve()))
    except ValueError:
        return None


# ---------------------------------------------------------------- commits


def _of_commit(
    name: str,
    commit: str,
    repository: Path,
    settings: Settings,
    load: Load,
    here: Path,
    into: Path,
) -> State:
    into.mkdir(parents=True, exist_ok=True)
    project = _seen_from(repository, here)
    own = settings
    if project is not None:
        own = _settings_of(name, commit, repository, project, load)
    below = _seen_from(repository, here / own.articles)
    if below is None:
        raise NoSuchState(
            Message(
                "{name}: its articles, {articles}, lie outside of the repository {repository}; set"
                " `articles` to a folder in it",
                name=quoted(name),
                articles=str(own.articles),
                repository=str(repository),
            )
        )
    places = {below, below.parent, *((project,) if project is not None else ())}
    most, top = own.max_article_bytes, "" if below == PurePosixPath() else f"{below}/"

    def wanted(blob: Blob) -> bool:
        is_below = blob.path.startswith(top)
        if is_below and blob.path.lower().endswith(ENDINGS):
            return blob.size <= most
        at = PurePosixPath(blob.path)
        is_setting = (
            navigation.is_settings(at.name)
            or navigation.is_hidden_setting(str(at))
            or exclusions.is_setting(str(at))
        )
        if is_setting and (is_below or at.parent in below.parents[: exclusions.LEVELS_ABOVE]):
            return _is_plain(blob)
        is_beside = at.parent == below and at.name in _BESIDE
        is_question = any(
            at == place / MISSES or (at.parent == place / RELEVANCE and at.suffix == ".toml")
            for place in places
        )
        return (is_beside or is_question) and _is_plain(blob)

    checkout.extract(repository, commit, wanted, into)
    articles = into / below
    articles.mkdir(parents=True, exist_ok=True)
    today = settings.articles.resolve()
    past = history.read(today, at=commit) if today == repository / below else History(commit=commit)
    ours = own.model_copy(update={"articles": articles})
    return State(name, commit, ours, past, tuple(into / place for place in sorted(places)))


def _is_plain(blob: Blob) -> bool:
    """Whether it may be read as it is; of links, indexing refuses those among the articles."""
    return not blob.is_link and blob.size <= _MOST_BYTES


def _settings_of(
    name: str, commit: str, repository: Path, project: PurePosixPath, load: Load
) -> Settings:
    """The settings as the commit's own `kb.toml` makes them."""
    file = str(project / config.FILE)
    with tempfile.TemporaryDirectory(prefix="kb-settings-") as work:
        into = Path(work, "files")
        checkout.extract(
            repository, commit, lambda blob: blob.path == file and _is_plain(blob), into, only=file
        )
        try:
            return load(into / project)
        except ConfigError as error:
            wrong = error.message.with_text_replaced(f"{into}/", "")
            raise NoSuchState(Message("{name}: {wrong}", name=quoted(name), wrong=wrong)) from None
