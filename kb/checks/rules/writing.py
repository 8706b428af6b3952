"""A single article: its reason, its text, its author, its keys, what it tells of people."""

import re
from collections import defaultdict
from collections.abc import Iterator

from rapidfuzz.distance import DamerauLevenshtein

from kb.base.audiences import is_restricted
from kb.base.messages import Message
from kb.checks.rules.base import Base, Finding, is_only_title, line_of, rule
from kb.content import dialects, gates, language_folders
from kb.content.articles import Article
from kb.content.markup import unknown_tags
from kb.content.metadata import KEYS
from kb.content.own_words import own_words
from kb.language import redaction, tokens

_WHY = re.compile(
    r"\b(?:почему|причин\w*|из-за чего|отчего|потому что|why|causes?|reasons?|because)\b", re.I
)


@rule("no-why", "error")
def _no_why(base: Base) -> Iterator[Finding]:
    """An article of the type `problem` does not say why it happens."""
    for article in base.articles:
        if article.type == "problem" and not _WHY.search(article.body):
            heading = "Почему так происходит" if article.lang == "ru" else "Why it happens"
            yield Finding(
                article,
                article.lines.get("type", 1),
                Message("a problem without a reason: readers meet it again"),
                Message("add a part `## {heading}`", heading=heading),
            )


_NO_TEXT = re.compile(
    r"<!--.*?-->|\{%.*?%\}|\{\{.*?\}\}|<[^<>]*>|^[ \t]*#{1,6}[ \t][^\n]*$|[\s*_=-]+", re.S | re.M
)


@rule("empty-article", "warning")
def _empty_article(base: Base) -> Iterator[Finding]:
    """An article has a title and no text."""
    for article in base.served():
        is_short = len(article.body) < _SHORT and not is_only_title(article)
        if is_short and not _NO_TEXT.sub("", article.body):
            yield Finding(
                article,
                article.lines.get("title", 1),
                Message("the article has no text"),
                Message("write it, or mark it `draft: yes`"),
            )


_SHORT = 4000  # a longer one has text, and matching it would only take time


_FEW_WORDS = 30  # of a text, from which its language is told


@rule("other-language", "warning")
def _other_language(base: Base) -> Iterator[Finding]:
    """A text is in another language than its folder or its key `lang` says."""
    for article in base.articles:
        is_said = "lang" in article.lines or language_folders.split(article.path, base.langs)[0]
        if not is_said or article.lang not in ("ru", "en") or not base.is_asked(article.path):
            continue
        words = own_words(article.body)
        if len(words.split()) < _FEW_WORDS:
            continue
        found = tokens.language_of_most_words(words)
        if found and found != article.lang:
            yield Finding(
                article,
                article.lines.get("lang", 1),
                Message(
                    "the text is in {found}, the article counts as {lang}",
                    found=found,
                    lang=article.lang,
                ),
                Message("translate it, or move it to the folder of its language"),
            )


@rule("restricted", "hint")
def _restricted(base: Base) -> Iterator[Finding]:
    """An `audience` other than `public`, though no reader can sign in; told once for each."""
    if base.knows_readers:
        return
    kept: dict[tuple[str, ...], list[Article]] = defaultdict(list)
    for article in base.articles:
        if is_restricted(article.audience) and base.is_asked(article.path):
            kept[article.audience].append(article)
    for audience, withheld in kept.items():
        article = withheld[0]
        yield Finding(
            article,
            article.lines.get("audience", 1),
            Message(
                "the audience is {audience}, and no reader can sign in: nobody reads the article",
                "the audience is {audience}, and no reader can sign in: nobody reads {n} articles",
                audience=", ".join(audience),
                n=len(withheld),
            ),
            Message("set KB_READER_SECRET or KB_GROUPS_HEADER, or write `audience: public`"),
        )


@rule("no-author", "hint")
def _no_author(base: Base) -> Iterator[Finding]:
    """Nobody signs the article, neither in front matter nor in git, though others are signed."""
    is_custom = any(article.author for article in base.articles)
    for article in base.articles if is_custom else ():
        if not article.author and not is_only_title(article):
            message = Message("nobody signs the article")
            yield Finding(article, 1, message, Message("write `author: …`"))


# Keys of other tools that stand near ours by chance.
_FOREIGN_KEYS = {"published", "type_", "order", "template", "author_name", "owners", "date", "data"}


@rule("unknown-key", "warning")
def _unknown_key(base: Base) -> Iterator[Finding]:
    """A key of the front matter looks like a typing mistake of one we know."""
    for article in base.articles:
        theirs = dialects.KEYS if article.dialect else frozenset()
        for key in article.extra:
            near = "" if key in theirs or gates.is_gate(key) else _near_key(key)
            if near:
                yield Finding(
                    article,
                    article.lines.get(key, 1),
                    Message("the key `{key}` is not known", key=key),
                    Message("did you mean `{key}`?", key=near),
                )


def _near_key(key: str) -> str:
    """The known key that `key` is at most one slip away from (two in long words)."""
    folded = key.casefold().replace("-", "_")
    if folded in _FOREIGN_KEYS or len(folded) < 3:
        return ""
    slips = 1 if len(folded) < 7 else 2
    distance, near = min((DamerauLevenshtein.distance(folded, known), known) for known in KEYS)
    return near if distance <= slips else ""


@rule("not-understood", "warning")
def _unknown_tags(base: Base) -> Iterator[Finding]:
    """A tag of another tool has no meaning here; each kind is told once, with its number."""
    met: dict[str, list[tuple[Article, int]]] = defaultdict(list)
    for article in base.articles:
        if base.is_asked(article.path):
            inclusions = base.inclusions.get(article.path)
            for tag, line in unknown_tags(
                article.body, article.dialect, article.path, article.also, inclusions
            ):
                met[tag].append((article, line))
    for tag, places in met.items():
        article, line = places[0]
        yield Finding(
            article,
            line_of(article, line),
            Message(
                "the tag `{tag}` means nothing here (places: {places}; articles: {articles})",
                tag=tag.strip("`"),  # of a fence, its language
                places=len(places),
                articles=len({a.path for a, _ in places}),
            ),
            _cure_of_tag(tag),
        )


_INCLUDING = ("[!INCLUDE]", "--8<--", "<!--@include-->", "{% include %}")
_PLAYED = ("<iframe>", "<video>", "<audio>", "<object>", "<embed>")


def _cure_of_tag(tag: str) -> Message:
    if tag in _INCLUDING:
        return Message(
            "the text it names is not in the folder of articles; put it there, or have `--articles`"
            " name a folder that holds both"
        )
    if tag in _PLAYED:
        return Message("readers see a link in its place; give it a `title` to name the link")
    return Message("say it in Markdown: readers see the page without what the tag makes of it")


# Addresses that belong to a role or to an example, not to a person.
_ROLE = re.compile(
    r"^(?:support|help|info|sales|contact|hello|team|no-?reply|admin|office|security|privacy|user"
    r"|name|you|your|mail|email|test|example|root|git|postmaster|webmaster|hostmaster|abuse)\b"
    r"|@(?:[\w.-]*\.)?(?:example|test|localhost|invalid|contoso|fabrikam|domain|company|acme|mysite"
    r"|your-?\w*|my-?\w*|users\.noreply)\b",
    re.I,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_USERINFO = re.compile(r"://[^\s/@]+@")  # of an address of the web
# Numbers that payment services publish for tests, lines that cost the caller nothing, dates.
_PUBLIC = re.compile(
    r"4242(?:[ -]?4242){3}|4111(?:[ -]?1111){3}|4000(?:[ -]?0000){2}[ -]?\d{4}"
    r"|5555(?:[ -]?5555){2}[ -]?4444|3782[ -]?822463[ -]?10005|6011(?:[ -]?1111){2}[ -]?1117"
    r"|(?:\+?1[ -])?\(?8(?:00|33|44|55|66|77|88)\)?[ -]\d{3}[ -]\d{4}"
    r"|(?:8|\+7)[ -(]{0,2}800[ -)]{1,2}\d{3}[ -]?\d{2}[ -]?\d{2}"
    r"|\b\d{1,2}([./-])\d{1,2}\1(?:19|20)\d\d(?:[ T]\d{1,2}:\d\d(?::\d\d)?)?"
)
_NUMBERS = re.compile(r"(?:\d[ ()-]{0,2}){9}")
_PERSONAL = re.compile("‹(card|passport|tax|phone)›")


@rule("personal-data", "hint")
def _personal_data(base: Base) -> Iterator[Finding]:
    """A line holds what looks like a person's e-mail address, telephone, card or passport."""
    for article in base.articles:
        if "@" not in article.body and not _NUMBERS.search(article.body):
            continue
        in_code = False
        for number, line in enumerate(article.body.split("\n"), 1):
            if line.lstrip().startswith(("```", "~~~")):
                in_code = not in_code
            message = None if in_code else _personal(line, base.support_email)
            if message:
                yield Finding(
                    article,
                    line_of(article, number),
                    message,
                    Message("write an invented example, such as name@example.com"),
                )


_NUMBERS_OF = {
    "card": Message("this looks like somebody's card number"),
    "passport": Message("this looks like somebody's passport number"),
    "tax": Message("this looks like somebody's tax number"),
    "phone": Message("this looks like somebody's phone number"),
}


def _personal(line: str, support_email: str) -> Message | None:
    if "://" in line:
        line = _USERINFO.sub("://", line)
    for address in _EMAIL.findall(line) if "@" in line else ():
        if address.casefold() != support_email.casefold() and not _ROLE.search(address):
            return Message("this looks like somebody's e-mail address")
    if _NUMBERS.search(line) and "://" not in line:
        found = _PERSONAL.search(redaction.redact(_PUBLIC.sub("", line.replace("\\", ""))))
        return _NUMBERS_OF[found[1]] if found else None
    return None
