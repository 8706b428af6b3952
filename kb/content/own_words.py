"""The words of a Markdown text that are its author's, without code, markup and addresses."""

import re
from collections import deque
from functools import cached_property

# Most characters begin nothing: the first line passes them over.
_SPAN = (
    r"(?=[`~<{\[(hw]|^ )(?:"
    r"^ {0,3}(?P<fence>`{3,}|~{3,}).*?(?:^ {0,3}(?P=fence)|\Z)"  # code
    r"|(?P<code>`+)|(?P<comment><!--)|(?P<verbatim><(?:style|script|pre)\b)"
    r"|</?[A-Za-z][^<>]*>|(?P<tag>\{[{%])|\{[#:.][^{}\n]*\}|^ {0,3}\[[^\]\n]+\]:.*?$"
    r"|(?<=\])\([^()\n]*\)|(?:https?://|www\.)\S+"
    r")"
)
_BEGINNING = re.compile(_SPAN, re.S | re.M)
_WITH_MAIL = re.compile(_SPAN + r"|(?<![\w.+-])[\w.+-]++@[\w.-]+", re.S | re.M)  # tries each word
_ENDS = {"comment": re.compile("-->"), "verbatim": re.compile("</"), "tag": re.compile(r"[}%]\}")}
_HTML_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


def own_words(body: str) -> str:
    """The Markdown without code, HTML, addresses and tags of tools: what its author says.

    Takes time in proportion to the length, whatever the text.
    """
    spans = _Spans(body)
    kept = []
    at = sought = 0
    beginning = _WITH_MAIL if "@" in body else _BEGINNING
    while begun := beginning.search(body, sought):
        end = spans.end(begun)
        if end:
            kept.append(body[at : begun.start()])
            at = sought = end
        else:
            sought = begun.start() + 1
    return " ".join((*kept, body[at:]))


class _Spans:
    """Finds where spans of one text end, asked for in their order; seeks no missing end twice."""

    def __init__(self, body: str) -> None:
        self._body = body
        self._unended: set[str] = set()  # kinds without a further end

    def end(self, begun: re.Match[str]) -> int:
        """Where the span ends that begins with a match of `_BEGINNING`; 0 if it never does."""
        kind = begun.lastgroup or ""
        if kind == "code":
            return self._end_of_code(begun)
        if kind not in _ENDS:
            return begun.end()
        if kind not in self._unended:
            if found := _ENDS[kind].search(self._body, begun.end()):
                return found.end()
            self._unended.add(kind)
        alone = _HTML_TAG.match(self._body, begun.start())
        return alone.end() if alone else 0

    def _end_of_code(self, run: re.Match[str]) -> int:
        """The end of code between as many backticks as a further run has, or one run twice."""
        size = len(run[0])
        size = min(size, max(self._longest_after(run.end()), (size - 1) // 2))
        return self._body.index(run[0][:size], run.start() + size + 1) + size if size else 0

    def _longest_after(self, at: int) -> int:
        """The length of the longest run of backticks that begins at `at` or later."""
        while self._longest and self._longest[0][0] < at:
            self._longest.popleft()
        return self._longest[0][1] if self._longest else 0

    @cached_property
    def _longest(self) -> deque[tuple[int, int]]:
        """Beginnings and lengths of the runs of backticks that no longer or equal one follows."""
        longest: deque[tuple[int, int]] = deque()
        for run in re.finditer("`+", self._body):
            while longest and longest[-1][1] <= len(run[0]):
                longest.pop()
            longest.append((run.start(), len(run[0])))
        return longest
