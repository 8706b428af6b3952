"""Text to words, words to their normal and dictionary forms, for Russian and English side by side.

Pure functions of the text: no index, no ranking, no repair of what was typed.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from threading import Lock
from typing import Any, NamedTuple

LONGEST = 64
"""Words are cut after this many characters."""


class Token(NamedTuple):
    """One word of a text: folded, and where it stands in the text as given.

    A compound is a whole (`ip-адрес`) whose parts follow as words of their own.
    """

    text: str
    start: int
    end: int
    compound: bool


# --- characters ---------------------------------------------------------------------------------

# Soft hyphen, zero-width characters and direction marks: nobody sees them, nobody types them.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"
)
# Marks that continue a word but are no letters to Python: accents, vowel signs of Asian scripts.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u0610-\u061a\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u0900-\u0903\u093a-\u094f\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a4d"
    "\u0abc-\u0acd\u0b3c-\u0b57\u0bbe-\u0bcd\u0c3e-\u0c56\u0cbc-\u0cd6\u0d3e-\u0d4d\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
)
_DROPPED = re.compile(f"[{_INVISIBLE}]+")
# Controls other than newline and tab; halves of surrogate pairs, which no encoder accepts.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CLEAN_ASCII = re.compile(r"[\n\t\x20-\x7e]*")


def clean(text: str) -> str:
    """The text as it is stored: composed (NFC), nothing invisible in it, no control characters."""
    if text.isascii() and _CLEAN_ASCII.fullmatch(text):
        return text
    return unicodedata.normalize("NFC", _CONTROL.sub(" ", _DROPPED.sub("", text)))


# --- one word -----------------------------------------------------------------------------------

# After casefolding, so `В` and `Н` stand here by the shape of their capitals.
_TO_CYRILLIC = str.maketrans("aeopcyxkmtbhi", "аеорсухкмтвні")
_TO_LATIN = str.maketrans("аеорсухкмтвні", "aeopcyxkmtbhi")
_LATIN_TWINS = frozenset("aeopcyxkmtbhi")
_CYRILLIC_TWINS = frozenset("аеорсухкмтвні")
_STROKES = str.maketrans({
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe",
    "þ": "th", "’": "'", "ʼ": "'", "‘": "'", "‐": "-", "‑": "-", "ё": "е", "ѐ": "е", "ѝ": "и",
})  # fmt: skip
_CYRILLIC = re.compile("[\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f]")
_LATIN = re.compile("[a-z\u00df-\u024f\u1e00-\u1eff]")
_CYRILLIC_RUN, _LATIN_RUN = (re.compile(f"{one.pattern}+") for one in (_CYRILLIC, _LATIN))
_STRESS = re.compile("(?<=[\u0400-\u052f])[\u0300\u0301\u0340\u0341]")
_ACCENTS = re.compile("(?<![\u0400-\u052f\u0300-\u036f])[\u0300-\u036f]+")


def _compatible(char: str) -> str:
    """Full-width and ligature forms as plain letters; signs that would become punctuation stay."""
    plain = unicodedata.normalize("NFKC", char)
    return plain if plain.isalnum() or plain in "-_.@'&+#/" else char


def _without_accents(word: str) -> str:
    """Stress marks of Cyrillic and diacritics of Latin and Greek gone; `й` and `ї` stay letters."""
    apart = unicodedata.normalize("NFD", word)
    if _CYRILLIC.search(apart):
        apart = _STRESS.sub("", unicodedata.normalize("NFC", _STRESS.sub("", apart)))
        apart = unicodedata.normalize("NFD", apart)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart))


_SLIPS = {"1c": "1с", "с++": "c++", "с#": "c#"}  # the same key in the other layout
_LETTERS = re.compile(r"[^\W\d_]+")


def _one_script(found: re.Match[str]) -> str:
    """`контекстa` with a Latin a is a Cyrillic word, `XМL` with a Cyrillic М a Latin one."""
    word = found[0]
    latin, cyrillic = set(_LATIN.findall(word)), set(_CYRILLIC.findall(word))
    if not latin or not cyrillic:
        return word
    if latin <= _LATIN_TWINS and (not cyrillic <= _CYRILLIC_TWINS or len(cyrillic) >= len(latin)):
        return word.translate(_TO_CYRILLIC)
    return word.translate(_TO_LATIN) if cyrillic <= _CYRILLIC_TWINS else word


_RUSSIAN = re.compile("[а-яё]+|[А-ЯЁ][а-яё]*|[А-ЯЁ]+")  # a word nothing has to be done to


@lru_cache(1 << 17)
def _fold(word: str) -> str:
    if _RUSSIAN.fullmatch(word):
        return word.lower().replace("ё", "е")
    for _ in range(4):  # one round does nearly always; a few signs decompose into others
        before = word
        word = "".join(map(_compatible, clean(word)))
        word = _without_accents(word.casefold()).translate(_STROKES)
        word = _LETTERS.sub(_one_script, word)
        word = _SLIPS.get(word, word)
        if word == before:
            break
    return word


def fold(word: str) -> str:
    """The normal form of a word's surface: lower case, ё as е, no accents, one script."""
    if word.isascii() and word.isalpha():
        return word.lower()
    return _fold(word)


def script(word: str) -> str:
    """`cyrillic`, `latin`, `mixed`, `digit` or `other`, for a folded word."""
    cyrillic = _CYRILLIC.search(word) is not None
    if _LATIN.search(word):
        return "mixed" if cyrillic else "latin"
    if cyrillic:
        return "cyrillic"
    return "digit" if any(char.isdigit() for char in word) else "other"


# --- a text -------------------------------------------------------------------------------------

_RUN = rf"[\w{_MARKS}{_INVISIBLE}]"
_WORD = re.compile(
    rf"https?://[^\s<>\"'«»()\[\]]+|[^\W_]{_RUN}*(?:[-‐‑.@'’ʼ&][^\W_]{_RUN}*)*(?:(?:\+\+|\#)(?!\w))?"
)
_IDEOGRAPH = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_SPLITS = (re.compile(r"[^\w.'’ʼ" + _MARKS + _INVISIBLE + "]+"), re.compile(r"[.]+"),
           re.compile("['’ʼ]+"), re.compile("_+"))  # fmt: skip
_VERSION = re.compile(r"[vв]?\d+[^\W\d_]{0,2}(?:\.\d+[^\W\d_]{0,3})+")
_CONTRACTION = re.compile(r"([^\W\d_]+)['’ʼ](s|re|ve|ll|d|m)", re.I)
_NEGATION = re.compile(r"([^\W\d_]+n)['’ʼ](t)", re.I)
_HUMPS = re.compile(r"(?<=[a-zа-яё])(?=[A-ZА-ЯЁ])|(?<=[A-ZА-ЯЁ])(?=[A-ZА-ЯЁ][a-zа-яё])")
_UNITS = re.compile(r"(?<=\d)(?=[^\W\d_]{3})|(?<=[^\W\d_]{3})(?=\d)")
_SCRIPTS = re.compile(r"(?<=[a-z])(?=[а-яё])|(?<=[а-яё])(?=[a-z])", re.I)

_Piece = tuple[str, int, int, bool]


def _cut(word: str) -> str:
    return fold(fold(word)[:LONGEST])


def _joints(chunk: str) -> list[int]:
    """Where a single word like `settingsPage`, `windows10` or `PDFфайл` falls into parts."""
    if chunk.isdigit() or (chunk.isalpha() and chunk.isascii() and chunk.islower()):
        return []
    cuts = {m.end() for m in _UNITS.finditer(chunk)}
    humps = [0, *(m.end() for m in _HUMPS.finditer(chunk)), len(chunk)]
    if len(humps) > 2 and min(b - a for a, b in pairwise(humps)) >= 3:
        cuts.update(humps[1:-1])
    if script(fold(chunk)) == "mixed":
        cuts.update(m.end() for m in _SCRIPTS.finditer(chunk))
    return sorted(cuts)


def _parts(chunk: str, start: int, level: int = 0) -> list[_Piece]:
    """The words of one run of characters; wholes stand before their parts."""
    whole = _cut(chunk)
    end = start + len(chunk)
    if not any(char.isalnum() for char in whole):
        return []
    if whole.endswith(("++", "#")):
        short = len(whole.rstrip("+#")) == 1
        inner = [] if short else _parts(chunk.rstrip("+#"), start, level)
        return [(whole, start, end, not short), *inner]
    if _VERSION.fullmatch(whole):
        return [(whole, start, end, False)]
    if level == 2:
        if found := _CONTRACTION.fullmatch(chunk):
            return [(_cut(found[1]), start, end, False)]
        if found := _NEGATION.fullmatch(chunk):
            return [(_cut(found[1] + found[2]), start, end, False)]
    if level == len(_SPLITS):
        cuts = [0, *_joints(chunk), len(chunk)]
        if len(cuts) == 2:
            return [(whole, start, end, False)]
        return [
            (whole, start, end, True),
            *((_cut(chunk[a:b]), start + a, start + b, False) for a, b in pairwise(cuts)),
        ]
    pieces: list[_Piece] = []
    at, found_parts = 0, 0
    for cut in [*_SPLITS[level].finditer(chunk), None]:
        stop = cut.start() if cut else len(chunk)
        if stop > at:
            inner = _parts(chunk[at:stop], start + at, level + 1)
            pieces += inner
            found_parts += bool(inner)
        at = cut.end() if cut else stop
    if found_parts > 1:
        return [(whole, start, end, True), *pieces]
    return pieces


@lru_cache(1 << 17)
def _pieces(chunk: str) -> tuple[_Piece, ...]:
    """The words of one match of `_WORD`, with offsets inside it."""
    if chunk.isascii() and chunk.isalpha() and (chunk[1:].islower() or chunk.isupper()):
        return ((chunk.lower()[:LONGEST], 0, len(chunk), False),)
    if _RUSSIAN.fullmatch(chunk):
        return ((_fold(chunk)[:LONGEST], 0, len(chunk), False),)
    if not _IDEOGRAPH.search(chunk):
        return tuple(_parts(chunk, 0))
    pieces: list[_Piece] = []  # no spaces between the words of these scripts: each sign a word
    at = 0
    for sign in [*_IDEOGRAPH.finditer(chunk), None]:
        if sign is None or sign.start() > at:
            pieces += _parts(chunk[at : sign.start() if sign else None], at)
        if sign:
            pieces.append((_cut(sign[0]), sign.start(), sign.end(), False))
            at = sign.end()
    return tuple(pieces)


def tokens(text: str) -> list[Token]:
    """The words of a text in order; a compound stands before its parts."""
    found: list[Token] = []
    add, make = found.append, Token._make
    for match in _WORD.finditer(text):
        pieces = _pieces(match[0])
        start = match.start()
        for word, a, b, compound in pieces:
            add(make((word, start + a, start + b, compound)))
    return found


def language(text: str) -> str:
    """`ru` or `en`: the script most letters of the text are in; `ru` if it has as many of both."""
    if text.isascii():
        return "en"
    folded = text.casefold()
    cyrillic, latin = (sum(map(len, runs.findall(folded))) for runs in (_CYRILLIC_RUN, _LATIN_RUN))
    return "ru" if cyrillic >= max(1, latin) else "en"


# --- dictionary forms ---------------------------------------------------------------------------

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


@lru_cache(1 << 18)
def _parsed(word: str) -> tuple[tuple[str, ...], str]:
    """The dictionary forms of a folded Russian word, the likeliest first, and that one's kind.

    The kind is a part of speech, or `NAME` for names and words no dictionary knows.
    """
    with _lock:  # the library does not promise to be safe in several threads
        parses = _morphology().parse(word)
    if not parses:
        return (word,), ""
    forms = tuple(dict.fromkeys(fold(parse.normal_form) for parse in parses))
    tag = parses[0].tag
    if not parses[0].is_known or (tag.POS == "NOUN" and _NAMES & tag.grammemes):
        return forms, "NAME"
    return forms, str(tag.POS)


@lru_cache(1 << 18)
def lemmas(word: str) -> tuple[str, ...]:
    """What a folded word is indexed and asked under, the likeliest first; at least one.

    Russian words give all their dictionary forms, English words their stem, others themselves.
    """
    if _FORMS.fullmatch(word):
        return _parsed(word)[0]
    if _ENGLISH.fullmatch(word):
        plain = word.replace("-", "").replace("'", "")
        with _lock:
            return (_stemmer().stemWord(_IRREGULAR.get(plain, plain)) or word,)
    return (word,)


# --- what weighs nothing ------------------------------------------------------------------------

# Neither negations (не, нет, без, not, no, without) nor question words (как, где, how, where):
# «не приходит письмо» and «приходит письмо» are two questions.
_STOP = """
    а и или но да же ли бы ж б то в во на с со к ко о об обо от ото до по за из изо у для при про
    под над через между это этот эта эти этого этой этом этим этому этих тот та те того той том тем
    я мне меня мной мы нам нас нами вы вам вас вами он она оно они его ее ей ему им их них ним нему
    ней мой моя мое мои моего моей моем моему моим моих мою наш наша наше наши вашего ваш ваша ваше
    ваши свой своя свое свои своего своей своем своих свою себя себе собой был была было были быть
    есть будет будут буду ну вот так такой такая такое такие тут там уже еще ведь чтобы
    a an the and or of to in on at for from by with as is are was were be been being am this that
    these those it its i me my mine we us our ours you your yours he him his she her they them their
    do does did done doing have has had having will would shall should so s t re ve ll d m im ive
"""
STOP = frozenset(_STOP.split())
STOP_STARTS = frozenset(word[:end] for word in STOP for end in range(1, len(word) + 1))

_FILLER = """
    здравствуйте
    здравствуй
    здрасте
    здрасьте
    привет
    приветствую
    добрый день
    добрый вечер
    доброе утро
    доброй ночи
    добрый
    доброго дня
    доброго вечера
    доброго утра
    доброго времени суток
    доброго времени
    уважаемые
    уважаемая поддержка
    уважаемые коллеги
    коллеги
    ребята
    подскажите
    подскажи
    подскажете
    скажите
    скажи
    расскажите
    объясните
    поясните
    помогите
    помоги
    помогите разобраться
    прошу помочь
    прошу подсказать
    прошу помощи
    нужна помощь
    нужна ваша помощь
    требуется помощь
    пожалуйста
    пожалуйте
    плиз
    плз
    пж
    пжл
    пжлст
    спасибо
    спс
    большое спасибо
    спасибо большое
    заранее спасибо
    спасибо заранее
    заранее благодарю
    благодарю
    заранее благодарен
    заранее благодарна
    буду благодарен
    буду благодарна
    буду признателен
    с уважением
    не могли бы вы
    не могли бы
    могли бы вы
    не подскажете
    можете подсказать
    можете помочь
    хочу узнать
    хотел узнать
    хотела узнать
    хотел бы узнать
    хотела бы узнать
    хотелось бы узнать
    хочу спросить
    хотел спросить
    хотела спросить
    хотел бы спросить
    хотела бы спросить
    интересует вопрос
    меня интересует
    у меня вопрос
    у меня такой вопрос
    есть вопрос
    такой вопрос
    вопрос такой
    вопрос следующий
    следующий вопрос
    возник вопрос
    возникла проблема
    у меня проблема
    у меня возникла проблема
    у меня такая проблема
    столкнулся с проблемой
    столкнулась с проблемой
    дело в том что
    суть в том что
    можно ли узнать
    в чем дело
    кто знает
    кто нибудь знает
    кто-нибудь знает
    может кто знает
    hi
    hello
    hey
    hi there
    hello there
    hey there
    dear support
    dear team
    dear sir
    dear sir or madam
    good morning
    good afternoon
    good evening
    good day
    please
    pls
    plz
    thanks
    thank you
    thank you very much
    thanks a lot
    many thanks
    thanks in advance
    thank you in advance
    could you please
    can you please
    would you please
    could you
    can you
    would you
    could you tell me
    can you tell me
    could you please tell me
    can you please tell me
    please tell me
    tell me
    let me know
    please let me know
    can you help
    could you help
    can you help me
    could you help me
    please help
    please help me
    help me
    help me please
    i need help
    i need some help
    i need help with
    i would like to know
    i would like to
    i want to know
    i wanted to know
    i wanted to ask
    i want to ask
    id like to know
    id like to
    i'd like to know
    i have a question
    i was wondering
    im wondering
    i am wondering
    just wondering
    quick question
    kind regards
    best regards
    regards
    any ideas
    any idea
    any help
    any help would be appreciated
    excuse me
    """


def _phrases() -> dict[str, list[tuple[str, ...]]]:
    """Filler phrases by their first word, the longest first."""
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for line in _FILLER.strip().splitlines():
        words = tuple(token.text for token in tokens(line) if not token.compound)
        by_first.setdefault(words[0], []).append(words)
    for phrases in by_first.values():
        phrases.sort(key=len, reverse=True)
    return by_first


_phrases_by_first = cache(_phrases)


def filler(words: Sequence[str]) -> frozenset[int]:
    """Which of the folded words of a query greet, thank or ask to be told; never all of them.

    When greeting, filler and stop words are all there is, nothing counts as filler: they are
    what is asked for.
    """
    found: set[int] = set()
    phrases = _phrases_by_first()
    at = 0
    while at < len(words):
        for phrase in phrases.get(words[at], ()):
            if tuple(words[at : at + len(phrase)]) == phrase:
                found.update(range(at, at + len(phrase)))
                at += len(phrase)
                break
        else:
            at += 1
    if not found or all(at in found or word in STOP for at, word in enumerate(words)):
        return frozenset()
    return frozenset(found)


def plain_words(text: str) -> list[str]:
    """The folded words of a text without its compounds."""
    return [token.text for token in tokens(text) if not token.compound]


def _first_lemmas(words: Iterable[str]) -> str:
    return " ".join(lemmas(word)[0] for word in words)


# Weights of query words, tuned on half of the shared questions (docs/relevance): a word that only
# carries the question counts less than the words it is about.
_QUESTION = """
    как где когда почему зачем кто что чем чего чему какой какая какое какие какого какой каком
    какую каких каким сколько куда откуда чей который которая которое которые если
    how what when where why which who whom whose if can could may might
"""
_WEAK = """
    мочь хотеть хотеться можно нужно надо бывать быть являться существовать иметь стать правда
    нельзя должный возможно делать сделать очень просто тоже также только вообще сейчас
    get want need like make use just also there any some all more than then now
"""
_CONTENT = ("NOUN", "NUMR", "None")
_VERBS = ("VERB", "INFN", "GRND", "PRTS")
_QUALITIES = ("ADJF", "ADJS", "PRTF", "ADVB", "COMP")


@cache
def _weak() -> frozenset[str]:
    return frozenset(lemma for word in _WEAK.split() for lemma in lemmas(word))


_questions = frozenset(_QUESTION.split())


@lru_cache(1 << 14)
def weight(word: str) -> float:
    """How much a folded word of a query counts, from 0.2 to 1.3; its rarity is not looked at.

    Names, of places, people and products, say most; what is done says less than what it is done to.
    """
    if word in STOP:
        return 0.2
    if word in _questions:
        return 0.5
    if lemmas(word)[0] in _weak():
        return 0.5
    if not _FORMS.fullmatch(word):
        return 1.0
    kind = _parsed(word)[1]
    if kind == "NAME":
        return 1.3
    if kind in _CONTENT:
        return 1.0
    return 0.7 if kind in _VERBS else 0.85 if kind in _QUALITIES else 0.5


class Meaning(NamedTuple):
    """What a folded word is looked for as, and how much it counts in a query."""

    lemmas: tuple[str, ...]
    weight: float


def meaning(word: str) -> Meaning:
    """The word without regard to where it stands."""
    return Meaning(lemmas(word), weight(word))


def key(query: str) -> str:
    """What two askings of one question have in common: dictionary forms in order, no filler."""
    words = plain_words(query)
    greeting = filler(words)
    return _first_lemmas(word for at, word in enumerate(words) if at not in greeting)
