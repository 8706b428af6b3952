"""Ids that other tools give to headings: links written for them lead to sections by these.

Our own ids are made in `html_pass`; here stands what the headings of a page would be called
elsewhere. Renders nothing.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kb.content.markup.link_targets import anchor


class Heading(NamedTuple):
    """A heading as a tool reads it."""

    words: str
    outside_code: str  # its words without those in code
    level: int  # as written
    own_id: str = ""  # that its writer gave it


_Used = dict[str, int]  # ids that are taken, each with a count


class _Way(NamedTuple):
    """How a tool makes ids: of one heading, and of one whose id is taken."""

    slug: Callable[[Heading, str], str]  # the second is the tool
    unique: Callable[[str, _Used], str]
    has_titles: bool = True  # headings of level 1 have ids


def ids(headings: Sequence[Heading], tool: str) -> Iterator[tuple[int, str]]:
    """The ids that a tool gives to the headings of a page, each with the heading's place in it.

    A heading may have several where settings of the tool decide, and none if its writer gave it
    one.
    """
    for way in _WAYS.get(tool, (_OF_GITHUB,)):
        used: _Used = {heading.own_id: 0 for heading in headings if heading.own_id}
        for place, heading in enumerate(headings):
            if heading.own_id or (heading.level == 1 and not way.has_titles):
                continue
            if id_ := way.unique(way.slug(heading, tool), used):
                yield place, id_


# --- an id that is taken ------------------------------------------------------------------------


def _dashed(id_: str, used: _Used) -> str:
    """`lamp`, `lamp-1`, `lamp-2`: GitHub and most others."""
    wanted = id_
    while id_ in used:
        used[wanted] += 1
        id_ = f"{wanted}-{used[wanted]}"
    used[id_] = 0
    return id_


def _underscored(id_: str, used: _Used) -> str:
    """`lamp`, `lamp_1`, `lamp_2`, and `_1` for none: `unique` of Python-Markdown's toc."""
    while id_ in used or not id_:
        numbered = re.fullmatch(r"(.*)_([0-9]+)", id_)
        id_ = f"{numbered[1]}_{int(numbered[2]) + 1}" if numbered else f"{id_}_1"
    used[id_] = 0
    return id_


def _appended(id_: str, used: _Used) -> str:
    """`lamp`, `lamp1`, `lamp2`: the anchors of @diplodoc/transform."""
    number = used.get(id_, 0)
    used[id_] = number + 1
    return f"{id_}{number}" if number else id_


# --- the id of one heading ----------------------------------------------------------------------

# What slugify of npm writes for letters that are no Latin ones with a mark, and for signs.
_PAIRS = """
    а a б b в v г g д d е e ё yo ж zh з z и i й j к k л l м m н n о o п p р r с s т t у u ф f х h
    ц c ч ch ш sh щ sh ъ u ы y э e ю yu я ya є ye і i ї yi ґ g ј j љ lj њ nj ћ c ђ dj џ dz ғ gh
    қ kh ң ng ү ue ұ u һ h ә ae ө oe æ ae ø o œ oe ß ss đ dj ł l ı i þ th ð d
    & and % percent $ dollar < less > greater | or – - € euro
"""
_LETTERS = str.maketrans({"ь": "", "№": "", **dict(re.findall(r"(\S+) (\S+)", _PAIRS))})


def _plain(words: str) -> str:
    return unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()


def transliterated(words: str) -> str:
    """A heading as slugify of npm writes it when @diplodoc/transform asks for its id."""
    letters = _plain(words.lower().translate(_LETTERS).replace("-", " "))
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s$,;=/-]+", "", letters).strip())


def _of_letters(heading: Heading, _: str) -> str:
    """By `generate_id` of kramdown."""
    begun = re.sub(r"^[^A-Za-z]+", "", heading.words)
    return re.sub("[^A-Za-z0-9 -]+", "", begun).replace(" ", "-").lower() or "section"


def _slug(words: str) -> str:
    from markdown.extensions.toc import slugify_unicode  # who only reads pages loads no Markdown

    return slugify_unicode(words, "-")


_OF_GITHUB = _Way(lambda heading, tool: anchor(heading.words, tool)[2:], _dashed)
_WAYS = {
    "diplodoc": (
        _Way(
            lambda heading, _: transliterated(heading.outside_code or heading.words),
            _appended,
            has_titles=False,
        ),
    ),
    # Its own slugs, and those of pymdownx, which many settings name.
    "mkdocs": (
        _Way(lambda heading, _: _slug(_plain(heading.words)), _underscored),
        _Way(lambda heading, _: _slug(heading.words), _underscored),
    ),
    "jekyll": (_OF_GITHUB, _Way(_of_letters, _dashed)),
}
OTHER = frozenset(_WAYS)  # tools whose ids may differ from ours by more than a number
