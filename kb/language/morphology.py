"""Dictionary forms of Russian words and stems of English ones. Splits no text."""

import re
from functools import cache
from threading import Lock
from typing import Any

from kb.base import resources
from kb.base.cache import TEXT, Cache
from kb.language.tokens import fold

# Forms the stemmer cannot reach. Only verbs and nouns a support desk hears.
_IRREGULAR = {
    form: base
    for base, forms in {
        "pay": "paid", "send": "sent", "buy": "bought", "forget": "forgot forgotten",
        "choose": "chose chosen", "write": "wrote written", "take": "took taken", "make": "made",
        "give": "gave given", "find": "found", "sell": "sold", "keep": "kept", "lose": "lost",
        "break": "broke broken", "steal": "stole stolen", "spend": "spent", "build": "built",
        "run": "ran", "go": "went gone", "begin": "began begun", "get": "got gotten",
        "withdraw": "withdrew withdrawn", "freeze": "froze frozen", "think": "thought",
        "bring": "brought", "hold": "held", "see": "saw seen", "know": "knew known",
        "speak": "spoke spoken", "tell": "told", "mean": "meant", "receive": "recieve",
        "child": "children", "person": "people persons", "man": "men", "woman": "women",
        "catch": "caught", "come": "came", "drive": "drove driven", "eat": "ate eaten",
        "fall": "fell fallen", "fly": "flew flown", "grow": "grew grown", "hide": "hid hidden",
        "win": "won", "wear": "wore worn", "teach": "taught", "swim": "swam", "sing": "sang sung",
        "show": "shown", "rise": "rose risen", "lead": "led", "feel": "felt", "fight": "fought",
        "become": "became", "understand": "understood", "meet": "met", "sit": "sat",
        "stand": "stood", "throw": "threw thrown", "leave": "left",
    }.items()
    for form in forms.split()
}  # fmt: skip


_lock = Lock()


_FORMS = re.compile("[а-яіїєґў-]+")


_RUSSIAN = re.compile("[а-я-]+")
_ENGLISH = re.compile("[a-z][a-z'-]*")


@cache
def _morphology() -> Any:
    """The Russian dictionary: 15 MB and 0.15 s, so only when the first Russian word comes."""
    import pymorphy3

    return pymorphy3.MorphAnalyzer(lang="ru")


@cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english", 0)


_NAMES = frozenset(("Geox", "Name", "Surn", "Patr", "Orgn", "Trad", "Abbr"))  # kinds of names


def _looked_up(word: str) -> tuple[tuple[str, ...], str]:
    """The dictionary forms of a folded word, the likeliest first, and that one's kind.

    The kind is a Russian part of speech, `NAME` for names and Russian words no dictionary knows,
    or "" for words that are not Russian.
    """
    if _FORMS.fullmatch(word):
        return _parsed(word)
    if _ENGLISH.fullmatch(word):
        plain = word.replace("-", "").replace("'", "")
        with _lock:
            return (_stemmer().stemWord(_IRREGULAR.get(plain, plain)) or word,), ""
    return (word,), ""


def _parsed(word: str) -> tuple[tuple[str, ...], str]:
    with _lock:  # the library does not promise to be safe in several threads
        parses = _morphology().parse(word)
    if not parses:
        return (word,), ""
    forms = tuple(dict.fromkeys(fold(parse.normal_form) for parse in parses))
    tag = parses[0].tag
    if not parses[0].is_known or (tag.POS == "NOUN" and _NAMES & tag.grammemes):
        return forms, "NAME"
    return forms, str(tag.POS)


def _size_of_forms(word: str, found: tuple[tuple[str, ...], str]) -> int:
    forms = found[0]
    return 4 * (len(word) + sum(map(len, forms))) + (TEXT + 8) * len(forms) + TEXT + 240


# The forms and the kind of each folded word, such as `(("сбросить",), "INFN")`.
dictionary = Cache(_looked_up, 8, _size_of_forms)


@cache
def english_words() -> frozenset[str]:
    """Common English words: 5 MB, read when they are first asked for."""
    return frozenset(resources.lines("english_words.txt"))


def _is_listed(word: str) -> bool:
    if _RUSSIAN.fullmatch(word):
        return bool(_morphology().word_is_known(word))
    return word in english_words()


_known = Cache(_is_listed, megabytes=0.5)


def in_dictionary(word: str) -> bool:
    """Whether a folded word is one of Russian or English, so that it may mean itself.

    Of 3,410 words that Russian questions on other topics hold and a base does not, 28 % are near
    some word of the base, 1.3 % if those of the dictionary are left alone. Of real slips 4 % are
    such words themselves.
    """
    return _known[word]


def lemmas(word: str) -> tuple[str, ...]:
    """What a folded word is indexed and asked under, the likeliest first; at least one.

    Russian words give all their dictionary forms, English words their stem, others themselves.
    """
    return dictionary[word][0]
