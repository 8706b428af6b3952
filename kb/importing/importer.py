"""Import of a help centre: its pages become Markdown articles in a folder, again and again.

What an import wrote and nobody changed follows the help centre; what a person changed stays.
"""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_core import PydanticCustomError

from kb.base.messages import Message
from kb.base.sandbox import Failure
from kb.content import front_matter
from kb.content.front_matter import PlainScalar, one_line
from kb.content.metadata import MAX_ANSWER, slug_of
from kb.html_to_markdown import losses, markdown
from kb.html_to_markdown.tree import Target
from kb.importing import places, record
from kb.importing.conversion import Converted, Html, convert_all
from kb.importing.media import Media
from kb.importing.places import Places
from kb.importing.record import Record
from kb.importing.source import HelpCentre, SourcePage, SourceSection

Progress = Callable[[int, int], object]
_LONGEST = 300  # characters of an address in the report


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """What one article lost: a kind of `losses`, how often, and the addresses that it concerns."""

    path: str
    message: Message
    count: int = 1
    addresses: tuple[str, ...] = ()


@dataclass(slots=True)
class ImportReport:
    """What an import did, by path."""

    outcomes: Counter[str] = field(default_factory=Counter)  # of articles, by `record.Outcome`
    languages: Counter[str] = field(default_factory=Counter)  # articles
    drafts: int = 0
    restricted: int = 0  # with an audience of their own
    kept: list[str] = field(default_factory=list)  # changed by a person, and in the source too
    moved: list[tuple[str, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # no longer in the help centre
    failed: list[tuple[str, str]] = field(default_factory=list)  # not imported, and why
    empty: list[str] = field(default_factory=list)  # pages without an article
    losses: list[Loss] = field(default_factory=list)

    @property
    def needs_a_person(self) -> bool:
        """Whether something is left to decide or to bring."""
        bring = {losses.sentence(losses.MISSING_IMAGE), losses.sentence(losses.MISSING_FILE)}
        return bool(self.kept or self.failed or any(each.message in bring for each in self.losses))


def run(
    centre: HelpCentre,
    folder: Path,
    *,
    langs: tuple[str, ...] = (),
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> ImportReport:
    """Writes the articles of a help centre to `folder`.

    `langs` are the languages of the settings: files of others say theirs. With `overwrite`, files
    that a person changed are written anew. `progress` is called with the number of steps done and
    of all. Raises CannotImport.
    """
    with record.opened(folder, overwrite=overwrite) as target:
        return _Import(centre, target, langs, progress).run()


class _Import:
    """One import: converts all, then writes all."""

    def __init__(
        self, centre: HelpCentre, target: Record, langs: tuple[str, ...], progress: Progress
    ) -> None:
        self._centre, self._target, self._langs = centre, target, langs
        self._progress = progress
        self._before = dict(target.articles)
        self._places: Places = places.assign(centre, target)
        target.save()
        self._report = ImportReport()
        self._anchors: dict[tuple[str, str], dict[str, str]] = {}
        self._folder_pages = set(self._titled())

    def run(self) -> ImportReport:
        """Converts and writes; what is lost is in the report."""
        pages, converted = self._convert()
        titled = sorted(self._folder_pages)
        total = 2 * (len(pages) + len(titled))
        done = total // 2
        for page, result in zip(pages, converted, strict=False):
            if isinstance(result, Converted):
                self._write_page(page, result)
            done += 1
            self._progress(done, total)
        sections = {section.key: section for section in self._centre.sections}
        for (key, lang), result in zip(titled, converted[len(pages) :], strict=True):
            self._write_folder_page(sections[key], lang, result)
            done += 1
            self._progress(done, total)
        self._find_gone()
        self._report.losses.sort()
        return self._report

    def _convert(self) -> tuple[list[SourcePage], list[Converted | Failure]]:
        pages = list(self._centre.pages)
        sections = {section.key: section for section in self._centre.sections}
        titled = sorted(self._folder_pages)
        given = [Html(page.html, page.url, page.lang, page.title) for page in pages]
        given += [Html(sections[key].texts.get(lang, ""), "", lang, "") for key, lang in titled]
        total = 2 * len(given)
        results = list(convert_all(given, lambda done: self._progress(done, total)))
        for page, result in zip(pages, results, strict=False):
            if isinstance(result, Failure):
                path = self._places.path(page.key, page.lang)
                self._report.failed.append((path, f"{page.title}: {result.message}"))
            else:
                self._anchors[page.key, page.lang] = dict(result.anchors)
        return pages, results

    def _titled(self) -> Iterator[tuple[str, str]]:
        """Sections and languages that get a page of their own for the title."""
        parents = {section.key: section.parent for section in self._centre.sections}
        names = {section.key: section.names for section in self._centre.sections}
        taken = {self._places.path(page.key, page.lang).casefold() for page in self._centre.pages}
        for page in self._centre.pages:
            key = page.section
            while key in parents:
                path = self._places.folder_page(key, page.lang)
                if any(names[key].values()) and path.casefold() not in taken:
                    yield key, page.lang
                key = parents[key]

    # files

    def _write_page(self, page: SourcePage, converted: Converted) -> None:
        path = self._places.path(page.key, page.lang)
        media = Media(self._centre, self._target, path)
        text = self._linked(converted, page.key, page.lang, path, media)
        listed = [media.attached(attachment) for attachment in page.attachments]
        if listed:
            text = f"{text}\n\n" + "\n".join(f"- {each}" for each in listed)
        answer = ""
        if len(page.answer) <= MAX_ANSWER:
            answer = page.answer
        else:
            text = f"{markdown.Converter().escape(page.answer, set())}\n\n{text}"
        front = self._front(page, answer)
        content = front_matter.dumps(front, text)
        outcome = self._write(path, content)
        self._report.outcomes[outcome] += 1
        self._report.languages[page.lang] += 1
        self._report.drafts += page.draft
        self._report.restricted += bool(page.audience)
        self._tell(path, converted, media, page.remarks)
        self._forget_old_place(page, path)

    def _write(self, path: str, content: str) -> str:
        outcome = self._target.write(path, content.encode("utf-8", "replace"))
        if outcome == "kept":
            self._report.kept.append(path)
        return outcome

    def _front(self, page: SourcePage, answer: str) -> dict[str, object]:
        former = (old for old, key in self._target.former.items() if key == page.key)
        aliases = [*page.addresses, *(f"{page.lang}/{old}" for old in former)]
        front: dict[str, object] = {"title": one_line(page.title) or page.key}
        if page.lang not in self._langs:
            front["lang"] = PlainScalar(page.lang.partition("-")[0])
        if answer:
            front["answer"] = answer
        if tags := list(dict.fromkeys(filter(None, map(one_line, page.tags)))):
            front["tags"] = tags
        if page.author:
            front["author"] = one_line(page.author)
        if page.updated:
            front["updated"] = PlainScalar(page.updated.isoformat())
        if page.draft:
            front["draft"] = PlainScalar("yes")
        if page.unlisted:
            front["unlisted"] = PlainScalar("yes")
        if page.order is not None:
            front["order"] = PlainScalar(str(page.order))
        if page.audience:
            front["audience"] = one_line(page.audience)
        if aliases := list(dict.fromkeys(filter(_is_address, aliases))):
            front["aliases"] = aliases
        return front

    def _write_folder_page(
        self, section: SourceSection, lang: str, result: Converted | Failure
    ) -> None:
        path = self._places.folder_page(section.key, lang)
        names = (section.names.get(lang), section.names.get(self._centre.lang))
        title = next(filter(None, (*names, *section.names.values())), section.key)
        front: dict[str, object] = {"title": one_line(title)}
        if lang not in self._langs:
            front["lang"] = PlainScalar(lang.partition("-")[0])
        if section.order is not None:
            front["order"] = PlainScalar(str(section.order))
        if aliases := [each for each in section.addresses.get(lang, ()) if _is_address(each)]:
            front["aliases"] = aliases
        text = ""
        if isinstance(result, Converted):
            media = Media(self._centre, self._target, path)
            text = self._linked(result, section.key, lang, path, media)
            self._tell(path, result, media, ())
        self._write(path, front_matter.dumps(front, text))

    def _forget_old_place(self, page: SourcePage, path: str) -> None:
        """Removes the files that an article had before its section became another."""
        if old := self._places.moved.get(page.key):
            former = f"{page.lang}/{old}"
            self._report.moved.append((f"{former}.md", path))
            for name in [n for n in self._target.files if _belongs(n, former)]:
                self._target.remove(name)

    def _find_gone(self) -> None:
        """Articles of earlier imports that the help centre does not hold any more."""
        keys = {page.key for page in self._centre.pages}
        stems = {stem for key, stem in self._before.items() if key not in keys}
        for path in sorted(self._target.files):
            stem = path.partition("/")[2].removesuffix(".md")
            if path.endswith(".md") and stem in stems and self._target.current(path):
                self._report.gone.append(path)

    # links and images

    def _linked(self, converted: Converted, key: str, lang: str, path: str, media: Media) -> str:
        """The Markdown with the addresses of this folder."""
        values = [
            media.image(target)
            if target.kind == "image"
            else self._link(target, key, lang, path, media)
            for target in converted.targets
        ]
        return markdown.filled(converted.text, values)

    def _link(self, target: Target, key: str, lang: str, path: str, media: Media) -> str:
        title = ""
        if target.title:
            shown = target.title.replace("\\", "").replace('"', "'")
            title = f' "{one_line(shown)}"'
        return self._address(target.url, key, lang, path, media) + title

    def _address(self, url: str, key: str, lang: str, path: str, media: Media) -> str:
        name = posixpath.basename(path)
        if url.startswith("#"):
            there = self._anchors.get((key, lang), {}).get(url[1:], "")
            return f"#{there}" if there else name
        place = self._centre.place(url)
        if place is None:
            return media.file(url)
        if place.is_section:
            known = (place.key, lang) in self._folder_pages
            leads_to = self._places.folder_page(place.key, lang) if known else ""
        else:
            leads_to = self._places.path(place.key, lang)
        if not leads_to:
            return media.lost_link(url)
        anchors = self._anchors.get((place.key, leads_to.partition("/")[0]), {})
        relative = posixpath.relpath(leads_to, posixpath.dirname(path))
        anchor = anchors.get(place.fragment, "") if place.fragment else ""
        return f"{relative}#{anchor}" if anchor else relative

    def _tell(
        self, path: str, converted: Converted, media: Media, remarks: tuple[Message, ...]
    ) -> None:
        counts: dict[str, int] = defaultdict(int, dict(converted.lost))
        for kind, examples in media.lost.items():
            counts[kind] += len(examples)
        for kind, count in counts.items():
            addresses = tuple(each[:_LONGEST] for each in media.lost.get(kind, ()))
            self._report.losses.append(Loss(path, losses.sentence(kind), count, addresses))
        self._report.losses += [Loss(path, remark) for remark in remarks]


def _belongs(name: str, stem: str) -> bool:
    """Whether a file is the article `stem` or one of the images beside it."""
    return name == f"{stem}.md" or (name.startswith(f"{stem}--") and not name.endswith(".md"))


def _is_address(written: str) -> bool:
    """Whether a path can be an address of an article."""
    try:
        return bool(slug_of(written))
    except PydanticCustomError:
        return False
