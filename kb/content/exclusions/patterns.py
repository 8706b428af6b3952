"""Patterns of paths as other tools write them, matched in bounded time. Opens no file.

A star is followed by the first place at which what stands behind it matches, and never tried again
(atomic groups): for what stands between two stars has one length, an earlier place is as good as
any later one. So no pattern takes more than a product of the lengths of path and pattern, squared
at worst.
"""

import re
from collections.abc import Callable, Iterable
from itertools import chain

Test = Callable[[str], bool]
"""Whether a path is meant, from the folder that the patterns are written for."""


def nothing(_: str) -> bool:
    """The test that means no path."""
    return False


_LONGEST = 300  # characters of a pattern
_MOST = 300  # patterns of one setting, with braces expanded


_END, _WITHIN = r"\Z", r"/.+\Z"  # of a path that is meant, or whose folder is


class NotUnderstood(ValueError):
    """A pattern is none that can be read, or cannot be matched in bounded time."""


def globs(
    written: tuple[str, ...], *, whole_folders: bool = False, ignore_case: bool = False
) -> tuple[Test, list[str]]:
    """Whether one of the globs means a path, and the globs that cannot be read.

    `**` stands for any folders, `*` and `?` for what lies within a name, `[a-z]` for a character,
    `{a,b}` for either. With `whole_folders` a glob that means a folder means all that lies in it.
    """
    end = r"(?:/.*)?\Z" if whole_folders else _END
    return _any(written, lambda each: [_path(one, end) for one in _expanded(each)], ignore_case)


def fnmatches(written: tuple[str, ...]) -> tuple[Test, list[str]]:
    """As `globs`, for patterns of a whole path in which a star also stands for slashes."""
    return _any(written, lambda each: [_chunked(_tokens(each, any_sign="."), ".", _END)])


def expressions(written: tuple[str, ...], *, at_start: bool = False) -> tuple[Test, list[str]]:
    """As `globs`, for regular expressions that occur in a path, or stand at its beginning."""
    begin = r"\A" if at_start else ""
    return _any(written, lambda each: [_Expression(each, begin).safe()], is_search=True)


def _any(
    written: Iterable[str],
    translate: Callable[[str], list[str]],
    ignore_case: bool = False,
    is_search: bool = False,
) -> tuple[Test, list[str]]:
    made: list[str] = []
    unread: list[str] = []
    flags = re.S | (re.I if ignore_case else re.NOFLAG)
    for each in written:
        try:
            if len(each) > _LONGEST or len(made) >= _MOST:
                raise NotUnderstood
            translated = translate(each)
            for one in translated:
                if re.compile(one, flags).search(""):  # it means all there is
                    raise NotUnderstood
            made += translated
        except (NotUnderstood, re.error, RecursionError, OverflowError):
            unread.append(each)
    if not made:
        return nothing, unread
    pattern = re.compile("|".join(f"(?:{one})" for one in made), flags)
    test = pattern.search if is_search else pattern.match
    return (lambda path: test(path) is not None), unread


# ---------------------------------------------------------------- globs


def _path(glob: str, end: str) -> str:
    """The expression of a glob without braces."""
    parts = glob.removeprefix("./").strip("/").split("/")
    runs: list[list[str]] = [[]]  # of names, with any folders between
    for part in parts:
        if part == "**":
            runs.append([])
        else:
            runs[-1].append(_name(part))
    first, *later = runs
    found = "/".join(first)
    if not later:
        return found + end
    found += "/" if first else ""
    *middle, last = later
    for run in filter(None, middle):
        found += f"(?>(?:[^/]+/)*?{'/'.join(run)}/)"
    if not last:
        return f"{found}.+{_WITHIN if end == _WITHIN else _END}"
    anywhere = "*?" if end != _END else "*"
    return f"{found}(?:[^/]+/){anywhere}{'/'.join(last)}{end}"


def _name(part: str) -> str:
    """The expression of one name of a glob."""
    if part in ("", ".", ".."):
        raise NotUnderstood
    return _chunked(_tokens(part, any_sign="[^/]"), "[^/]", r"(?=/|\Z)")


_STAR = "*"


def _chunked(tokens: list[str], sign: str, end: str) -> str:
    """An expression in which a star takes `sign` as often as needed until `end`."""
    chunks = [""]
    for token in tokens:
        if token == _STAR:
            chunks.append("")
        else:
            chunks[-1] += token
    first, *later = chunks
    if not later:
        return first + end
    *middle, last = later
    inner = "".join(f"(?>{sign}*?{chunk})" for chunk in middle if chunk)
    return f"(?>{first}{inner}{sign}*{last}{end})"


_CLASS = re.compile(r"\[([!^]?)(\]?(?:\\.|[^\]\\])*)\]", re.S)


def _tokens(written: str, any_sign: str) -> list[str]:
    """The expressions of the signs of a pattern, each for one character; stars stay stars."""
    found: list[str] = []
    at = 0
    while at < len(written):
        sign = written[at]
        at += 1
        if sign == "*":
            if found[-1:] != [_STAR]:
                found.append(_STAR)
        elif sign == "?":
            found.append(any_sign)
        elif sign == "[" and (inner := _CLASS.match(written, at - 1)):
            found.append(_class(inner[1], inner[2]))
            at = inner.end()
        elif sign == "\\" and at < len(written):
            found.append(re.escape(written[at]))
            at += 1
        else:
            found.append(re.escape(sign))
    return found


def _class(negated: str, inner: str) -> str:
    plain = re.sub(r"\\(.)", r"\1", inner)
    if "--" in plain:
        raise NotUnderstood  # of another meaning in Python some day
    escaped = re.sub(r"([\\\[\]^&|~])", r"\\\1", plain)
    if negated:
        return f"[^/{escaped}]"
    return f"(?!/)[{escaped}]"


_BRACES = re.compile(r"(?<!\\)@?\(([^(){}]*\|[^(){}]*)\)|(?<!\\)\{([^{}]*,[^{}]*)\}")


def _expanded(glob: str) -> list[str]:
    """The globs that one with `{a,b}` or `@(a|b)` stands for."""
    if glob.startswith("!") or re.search(r"(?<!\\)[!+*?]\(", glob):
        raise NotUnderstood
    waiting, found = [glob], []
    while waiting:
        each = waiting.pop()
        braces = _BRACES.search(each)
        if braces is None:
            found.append(each)
        else:
            choices = braces[1].split("|") if braces[2] is None else braces[2].split(",")
            before, after = each[: braces.start()], each[braces.end() :]
            waiting += (f"{before}{choice}{after}" for choice in choices)
        if len(waiting) + len(found) > _MOST:
            raise NotUnderstood
    return found


# ---------------------------------------------------------------- lists as of .gitignore


def gitignore(lines: tuple[str, ...]) -> tuple[Test, list[str]]:
    """Whether a list in the syntax of `.gitignore` leaves a path out, and lines not understood.

    The last line that means a path decides; one that means a folder is not undone for what lies in
    it by a line that brings a folder back.
    """
    rules: list[tuple[bool, re.Pattern[str] | None, re.Pattern[str]]] = []
    unread: list[str] = []
    for line in lines:
        written = re.sub(r"(?<!\\)[ \t\r]+$", "", line)
        if not written or written.startswith("#"):
            continue
        try:
            if len(written) > _LONGEST or len(rules) >= _MOST:
                raise NotUnderstood
            rules.append(_ignored(written))
        except (NotUnderstood, re.error):
            unread.append(line)

    if not rules:
        return nothing, unread

    def test(path: str) -> bool:
        is_out, rank = False, 0
        for brings_back, file, within in rules:
            if file is not None and file.match(path):
                is_out, rank = not brings_back, 2
            elif within.match(path) and (not brings_back or rank < 2):
                is_out, rank = not brings_back, 1
        return is_out

    return test, unread


def _ignored(written: str) -> tuple[bool, re.Pattern[str] | None, re.Pattern[str]]:
    """Whether a line brings back, and what it means: files, and all that lies in folders."""
    brings_back = written.startswith("!")
    glob = written[1:] if brings_back else written
    of_folders = glob.endswith("/")
    body = glob.strip("/")
    if not body:
        raise NotUnderstood
    if "/" not in glob.rstrip("/"):
        body = f"**/{body}"
    within = re.compile(_path(body, _WITHIN), re.S)
    return brings_back, None if of_folders else re.compile(_path(body, _END), re.S), within


# ---------------------------------------------------------------- regular expressions


_ATOM = re.compile(r"\\[dwsDWS]|\\[^\w\s]|\[\^?\]?(?:\\.|[^\]\\\[])*\]|[^\\\[\](){}*+?|^$]|\^|\$")
_MOST_WAYS = 200
_SETS = re.compile(r"--|&&|~~|\|\|")  # of another meaning in Python some day
_TIMES = re.compile(r"[*+]\??|\?\??|\{\d{1,2}(?:,\d{1,2})?\}")


class _Expression:
    """A regular expression of a stranger that is read sign by sign, so that it cannot run on.

    Groups hold choices of bounded length; a star stands behind a single sign outside of groups.
    There is one star, or all are `.*` and what stands between two of them has one length.
    """

    def __init__(self, written: str, begin: str = "") -> None:
        self._flags = "(?i:" if written.startswith("(?i)") else "(?:"
        self._text = written.removeprefix("(?i)")
        self._at = 0
        self._begin = begin
        self._ways = 1  # in which it may match at one place
        self._chunks: list[tuple[str, int, int]] = [(begin, 0, 0)]  # text, shortest, longest
        self._stars: list[str] = []

    def safe(self) -> str:
        """The same expression, which takes bounded time. Raises NotUnderstood."""
        while self._at < len(self._text):
            if self._text[self._at] == "|":  # choices of the whole: one after another
                left, right = self._text[: self._at], self._text[self._at + 1 :]
                both = (_Expression(each, self._begin).safe() for each in (left, right))
                return f"{self._flags}{'|'.join(both)})"
            self._take()
        chunks, stars = self._chunks, self._stars
        if stars and chunks[0][0] in ("", r"\A") and stars[0] == ".*":  # it says nothing
            chunks, stars = chunks[1:], stars[1:]
        if stars and chunks[-1][0] in ("", r"\Z") and stars[-1] == ".*":
            chunks, stars = chunks[:-1], stars[:-1]
        if len(stars) < 2:
            found = "".join(
                chain.from_iterable(zip((c[0] for c in chunks), (*stars, ""), strict=True))
            )
            return f"{self._flags}{found})"
        if any(star != ".*" for star in stars) or any(low != high for _, low, high in chunks):
            raise NotUnderstood
        inner = "".join(f"(?>.*?{chunk})" for chunk, _, _ in chunks[1:-1])
        return f"{self._flags}(?>{chunks[0][0]}{inner}).*{chunks[-1][0]})"

    def _take(self) -> None:
        """Reads one sign or group with how often it stands there."""
        if self._text[self._at] == "(":
            text, low, high = self._group()
        else:
            text, low, high = self._atom()
        times = _TIMES.match(self._text, self._at)
        if times is None:
            self._add(text, low, high)
            return
        self._at = times.end()
        sign = times[0]
        if sign[0] in "*+":
            if high != 1 or text[0] == "(":
                raise NotUnderstood
            if sign[0] == "+":
                self._add(text, 1, 1)
            self._stars.append(f"{text}*")
            self._chunks.append(("", 0, 0))
        elif sign[0] == "?":
            self._choose(2)
            self._add(f"(?:{text})?", 0, high)
        else:
            least, _, most = sign[1:-1].partition(",")
            if text[0] == "(":
                raise NotUnderstood
            self._choose(int(most or least) - int(least) + 1)
            self._add(f"(?:{text}){sign}", low * int(least), high * int(most or least))

    def _choose(self, ways: int) -> None:
        self._ways *= ways
        if not 0 < self._ways <= _MOST_WAYS:
            raise NotUnderstood

    def _add(self, text: str, low: int, high: int) -> None:
        before, least, most = self._chunks[-1]
        self._chunks[-1] = (before + text, least + low, most + high)

    def _atom(self) -> tuple[str, int, int]:
        found = _ATOM.match(self._text, self._at)
        if found is None:
            raise NotUnderstood
        self._at = found.end()
        if found[0].startswith("[") and _SETS.search(found[0]):
            raise NotUnderstood
        if found[0] in ("^", "$"):
            return (r"\A" if found[0] == "^" else r"\Z"), 0, 0
        return found[0], 1, 1

    def _group(self) -> tuple[str, int, int]:
        """A group of choices, each of single signs."""
        inner = re.compile(r"\((?:\?:)?((?:\\.|[^()\\])*)\)").match(self._text, self._at)
        if inner is None:
            raise NotUnderstood
        self._at = inner.end()
        choices = []
        for choice in re.split(r"(?<!\\)\|", inner[1]):
            one = _Expression(choice)
            while one._at < len(choice):
                one._take()
            if one._stars:
                raise NotUnderstood
            self._choose(one._ways)
            choices.append(one._chunks[0])
        self._choose(len(choices))
        text = "|".join(each[0] for each in choices)
        lows, highs = (each[1] for each in choices), (each[2] for each in choices)
        return f"(?:{text})", min(lows), max(highs)


def joined(tests: Iterable[Test]) -> Test:
    """Whether one of the tests holds."""
    known = tuple(test for test in tests if test is not nothing)
    return (lambda path: any(test(path) for test in known)) if known else nothing
