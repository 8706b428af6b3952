"""Words that ask for the same thing: `synonyms.yml` read, checked, and matched against a query.

    - [оплата, оплатить, платёж]      # each finds the others
    - логин: [вход, войти]            # who types the first finds the others too, not the reverse
    - [sign in, log in]               # several words, in this order
    - off: [счёт]                     # in a base's own file: the shipped groups with this word rest

Matching is by dictionary forms, so one form of a word stands for all. What a group adds is never
looked up again: synonyms of synonyms are not synonyms. A mistake is a value, and the rest is used.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import yaml

from kb.base.messages import Message
from kb.language import morphology, query_words, tokens

Lemmas = tuple[str, ...]  # of one word; any of them will do
Phrase = tuple[Lemmas, ...]

SHIPPED = Path(__file__).parent.parent / "data" / "synonyms.yml"
LONGEST = 6  # words in a phrase
MOST = 40  # phrases in a group
LARGEST = 1 << 20  # characters in a file
OWN_WEIGHT = 0.8  # a group the base's own writers put down
SHIPPED_WEIGHT = 0.6  # a group that has to suit every base


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a line of the file, and what to do about it."""

    path: str
    line: int
    code: str
    message: Message
    cure: Message


@dataclass(frozen=True, slots=True)
class Group:
    """Phrases that mean the same; `one_way` when only the first also stands for the others."""

    phrases: tuple[Phrase, ...]
    one_way: bool = False
    weight: float = OWN_WEIGHT
    line: int = 1


class Expansion(NamedTuple):
    """The words `start` to `end` of a query may also be any of `phrases`, at this weight.

    A document scores the better of what was typed and of what it may also be, never both; and no
    word of a phrase may weigh more than the typed word it stands for: else a rare synonym
    («проанализировать») outranks the common word that was meant.
    """

    start: int
    end: int
    phrases: tuple[Phrase, ...]
    weight: float


class _Entry(NamedTuple):
    phrase: Phrase
    others: tuple[Phrase, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Synonyms:
    """All groups in force. Everything a query needs is worked out when they are read."""

    groups: tuple[Group, ...] = ()
    off: tuple[Phrase, ...] = ()
    _by_first: dict[str, list[_Entry]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_first", _by_first(self.groups))

    def expand(self, words: Sequence[Lemmas]) -> list[Expansion]:
        """What else the query may say; `words` are the dictionary forms of each of its words.

        The longest phrase at a place counts, and its words belong to no other phrase.
        """
        found: list[Expansion] = []
        start = 0
        while start < len(words):
            entry = self._at(words, start)
            end = start + (len(entry.phrase) if entry else 1)
            if entry:
                found.append(Expansion(start, end, entry.others, entry.weight))
            start = end
        return found

    def over(self, shipped: "Synonyms") -> "Synonyms":
        """These groups and the shipped ones, but for those switched off."""
        off = set(self.off)
        kept = (group for group in shipped.groups if not off & set(group.phrases))
        return Synonyms((*self.groups, *kept), self.off)

    def _at(self, words: Sequence[Lemmas], start: int) -> _Entry | None:
        best: _Entry | None = None
        for lemma in words[start]:
            for entry in self._by_first.get(lemma, ()):
                phrase = entry.phrase
                if best and len(phrase) <= len(best.phrase):
                    break  # the longest stand first
                if len(phrase) <= len(words) - start and all(
                    not set(asked).isdisjoint(words[at])
                    for at, asked in enumerate(phrase[1:], start + 1)
                ):
                    best = entry
                    break
        return best


def _by_first(groups: Iterable[Group]) -> dict[str, list[_Entry]]:
    """What each phrase also stands for, by the first dictionary forms of the phrase."""
    also: dict[Phrase, dict[Phrase, float]] = {}
    for group in groups:
        for asked in group.phrases[:1] if group.one_way else group.phrases:
            others = also.setdefault(asked, {})
            for phrase in group.phrases:
                if phrase != asked:
                    others[phrase] = max(group.weight, others.get(phrase, 0.0))
    by_first: dict[str, list[_Entry]] = {}
    for asked, others in also.items():
        entry = _Entry(asked, tuple(others), max(others.values(), default=0.0))
        for lemma in asked[0]:
            by_first.setdefault(lemma, []).append(entry)
    for entries in by_first.values():
        entries.sort(key=lambda entry: -len(entry.phrase))
    return by_first


@cache
def shipped() -> Synonyms:
    """The vocabulary of support desks that comes with the product."""
    reader = _SynonymsReader(str(SHIPPED), SHIPPED_WEIGHT)
    # It has no mistakes to be told (a test), so libyaml may read it: every start waits for it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    node = yaml.compose(SHIPPED.read_text("utf-8"), Loader=loader)
    if node is not None:
        reader.read(node)
    return Synonyms(tuple(reader.groups), ())


# --- reading ------------------------------------------------------------------------------------


def parse(
    content: str,
    path: str = "synonyms.yml",
    *,
    weight: float = OWN_WEIGHT,
    shipped: Synonyms | None = None,
) -> tuple[Synonyms, list[Mistake]]:
    """The groups of a file and what is wrong with it. Any content is a file; nothing raises.

    With `shipped` given, what is switched off must be there.
    """  # fmt: skip
    reader = _SynonymsReader(path, weight)
    node = reader.compose(content)
    if node is not None:
        reader.read(node)
    reader.check_off(shipped)
    reader.check_twice()
    reader.mistakes.sort(key=lambda mistake: mistake.line)
    return Synonyms(
        tuple(reader.groups), tuple(phrase for phrase, _ in reader.off)
    ), reader.mistakes


def added(content: str, words: Sequence[str]) -> str:
    """The content of a file with one more group, in which each word finds the others."""
    before = content if not content or content.endswith("\n") else content + "\n"
    indents = re.findall("^( *)- ", content, re.M)
    return f"{before}{indents[-1] if indents else ''}- [{', '.join(map(_written, words))}]\n"


def patch(content: str, words: Sequence[str]) -> str:
    """What `added` changes, for `git apply` at the root of the articles."""
    before, after = _lines(content), _lines(added(content, words))
    old = "a/synonyms.yml" if content else "/dev/null"
    diff = difflib.unified_diff(before, after, old, "b/synonyms.yml")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff
    )


def _lines(content: str) -> list[str]:
    return StringIO(content, newline="\n").readlines()


def _written(phrase: str) -> str:
    """As a writer would, in quotes where YAML would read something else."""
    if re.fullmatch(r"\w+( \w+)*", phrase):
        return phrase
    return json.dumps("".join(filter(str.isprintable, phrase)), ensure_ascii=False)


class _Loader(yaml.SafeLoader):
    """Nodes only, and no aliases: a small file must not unfold into a large one."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not read here", mark)
        return super().compose_node(parent, index)


class _SynonymsReader:
    def __init__(self, path: str, weight: float) -> None:
        self.path = path
        self.weight = weight
        self.groups: list[Group] = []
        self.off: list[tuple[Phrase, int]] = []
        self.mistakes: list[Mistake] = []

    def wrong(self, line: int, code: str, message: Message, cure: Message) -> None:
        self.mistakes.append(Mistake(self.path, line, code, message, cure))

    def compose(self, content: str) -> yaml.Node | None:
        if len(content) > LARGEST:
            self.wrong(
                1,
                "too-large",
                Message("the file is larger than a million characters"),
                Message("keep the words that customers really use"),
            )
            return None
        loader = None
        try:
            loader = _Loader(content)
            return loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.wrong(
                line,
                "broken-yaml",
                Message("not readable as YAML: {reason}", reason=str(error.problem)),
                Message(
                    "write one `- [word, word]` or `- word: [word]` on a line; "
                    "quote words that hold : # [ ] { } , & * ! | > % @"
                ),
            )
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            what = " ".join(str(error).split())[:120] or Message("nested too deeply")
            self.wrong(
                1,
                "broken-yaml",
                Message("not readable as YAML: {reason}", reason=what),
                Message("save the file as UTF-8 text with one group on a line"),
            )
        finally:
            if loader is not None:
                loader.dispose()
        return None

    def read(self, node: yaml.Node) -> None:
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(
                node.start_mark.line + 1,
                "not-a-list",
                Message("the file is not a list of groups"),
                Message("begin each line with `- `"),
            )
            return
        for item in node.value:
            line = item.start_mark.line + 1
            if isinstance(item, yaml.SequenceNode):
                self.add(list(self.phrases(item.value)), False, line)
            elif isinstance(item, yaml.MappingNode):
                for key, value in item.value:
                    self.read_pair(key, value)
            elif not item.value.strip():
                self.wrong(line, "empty", Message("an empty entry"), Message("delete the line"))
            else:
                self.wrong(
                    line,
                    "one-word",
                    Message("“{word}” stands alone", word=item.value),
                    Message("put it with its synonyms: `- [word, synonym]`"),
                )

    def read_pair(self, key: yaml.Node, value: yaml.Node) -> None:
        line = key.start_mark.line + 1
        values = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if isinstance(key, yaml.ScalarNode) and key.value == "off":
            self.off += [(phrase, line) for _, phrase in self.phrases(values)]
        else:
            first = list(self.phrases([key]))
            if first:
                self.add(first + list(self.phrases(values)), True, line)

    def phrases(self, nodes: Iterable[yaml.Node]) -> Iterator[tuple[str, Phrase]]:
        """The readable ones of some nodes, as written and as dictionary forms."""
        for node in nodes:
            line = node.start_mark.line + 1
            if not isinstance(node, yaml.ScalarNode):
                self.wrong(
                    line,
                    "not-text",
                    Message("a list or a mapping where a word belongs"),
                    Message("write words, separated by commas"),
                )
                continue
            written = " ".join(node.value.split())
            words = tokens.plain_words(written)
            if not words:
                self.wrong(
                    line,
                    "empty",
                    Message("“{word}” holds no word", word=written),
                    Message("delete it or write a word"),
                )
            elif len(words) > LONGEST:
                self.wrong(
                    line,
                    "too-long",
                    Message(
                        "“{word}” is longer than {most} words", word=written[:60], most=LONGEST
                    ),
                    Message(
                        "keep the words that matter; whole questions belong into "
                        "`answers:` of the article"
                    ),
                )
            elif all(word in query_words.STOP for word in words):
                self.wrong(
                    line,
                    "stop-word",
                    Message("“{word}” weighs nothing in a search", word=written),
                    Message("delete it"),
                )
            else:
                yield written, phrase(words)

    def add(self, written: list[tuple[str, Phrase]], one_way: bool, line: int) -> None:
        seen: dict[Phrase, str] = {}
        for word, forms in written:
            if forms in seen:
                same = (
                    Message("“{word}” is here twice", word=word)
                    if word == seen[forms]
                    else Message(
                        "“{word}” is here the same word as “{other}”", word=word, other=seen[forms]
                    )
                )
                self.wrong(
                    line,
                    "repeated",
                    same,
                    Message("write one form of each word; all its forms are found"),
                )
            seen.setdefault(forms, word)
        if len(seen) > MOST:
            self.wrong(
                line,
                "too-many",
                Message("{number} words in one group find anything", number=len(seen)),
                Message("keep the {most} or fewer that mean the same", most=MOST),
            )
        elif len(seen) > 1:
            self.groups.append(Group(tuple(seen), one_way, self.weight, line))
        elif not any(mistake.line == line for mistake in self.mistakes):
            what = (
                Message("“{word}” has no synonym", word=written[0][0])
                if written
                else Message("a group without words")
            )
            self.wrong(line, "one-word", what, Message("add a second word or delete the line"))

    def check_off(self, shipped: Synonyms | None) -> None:
        if shipped is None:
            return
        there = {phrase for group in shipped.groups for phrase in group.phrases}
        for phrase_off, line in self.off:
            if phrase_off not in there:
                word = " ".join(forms[0] for forms in phrase_off)
                self.wrong(
                    line,
                    "nothing-off",
                    Message("no shipped group holds “{word}”", word=word),
                    Message("delete it, or write the word as the shipped list has it"),
                )

    def check_twice(self) -> None:
        """Groups that say nothing new after those before them."""
        said: dict[tuple[Phrase, Phrase], tuple[int, bool]] = {}
        for group in self.groups:
            pairs = _pairs(group)
            old = [said[pair] for pair in pairs if pair in said]
            back = [said[b, a] for a, b in pairs if (b, a) in said]
            if len(old) == len(pairs):
                self.wrong(
                    group.line,
                    "duplicate",
                    Message("line {line} says this already", line=str(old[0][0])),
                    Message("delete one of the two lines"),
                )
            elif group.one_way and len(back) == len(pairs) and all(way for _, way in back):
                self.wrong(
                    group.line,
                    "circle",
                    Message("line {line} says the reverse", line=str(back[0][0])),
                    Message("make the two lines one two-way group: `- [word, word]`"),
                )
            for pair in pairs:
                said.setdefault(pair, (group.line, group.one_way))


def _pairs(group: Group) -> list[tuple[Phrase, Phrase]]:
    asked = group.phrases[:1] if group.one_way else group.phrases
    return [(one, other) for one in asked for other in group.phrases if one != other]


def phrase(words: Iterable[str]) -> Phrase:
    """The dictionary forms of folded words; a word that is a dictionary form stands for itself."""
    found = ((word, morphology.lemmas(word)) for word in words)
    return tuple((word,) if word in lemmas else lemmas for word, lemmas in found)
