"""Sanitiser of HTML: only what is listed here reaches a page, by nh3."""

import re

import nh3

from kb.content.markup.admonitions import KINDS
from kb.content.markup.highlighting import CLASSES as COLOURS


def _names(written: str) -> frozenset[str]:
    return frozenset(written.split())


_TAGS = _names("""
    a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt
    em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp
    small span strong sub summary sup table tbody td tfoot th thead tr u ul var wbr
""")
_DROPPED = _names("""
    script style template noscript iframe object embed svg math textarea select title
    applet frameset noembed noframes xmp plaintext
""")
# Elements whose ids stay or mean nothing to links.
_KNOWN = _TAGS | _DROPPED | _names("input button label meta link")
CLASSES = {
    "div": {*KINDS, "admonition", "highlight", "diagram", "footnote"},
    "p": {"admonition-title"},
    "a": {"footnote-ref", "footnote-backref"},
    "span": set(COLOURS),
}
_CLEANER = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_DROPPED),
    attributes={
        "*": {"id", "lang", "dir"},
        "a": {"href", "title", "name"},
        "img": {"src", "alt", "title", "width", "height"},
        "ol": {"start", "type", "reversed"},
        "td": {"align", "colspan", "rowspan"},
        "th": {"align", "colspan", "rowspan", "scope"},
        "col": {"span"},
        "colgroup": {"span"},
        "details": {"open"},
        "abbr": {"title"},
        "dfn": {"title"},
    },
    allowed_classes=CLASSES,
    url_schemes={"http", "https", "mailto", "tel", "wiki", "xref", "ref"},
    link_rel=None,
    strip_comments=True,
)


_WITH_ID = re.compile(r"""<([a-z][\w-]*)\b[^<>]*?\sid\s*=\s*("[^"<>]*"|'[^'<>]*')[^<>]*>""", re.I)


def clean(written: str) -> str:
    """The HTML with only the tags, attributes and classes allowed.

    Where an element with an id is left out and its text stays, as of `<section id="a">`, an anchor
    stands in its place.
    """
    if " id" in written:
        written = _WITH_ID.sub(_with_anchor, written)
    return str(_CLEANER.clean(written)).replace(' class=""', "")


def _with_anchor(found: re.Match[str]) -> str:
    is_left_out = found[1].lower() not in _KNOWN
    return f"{found[0]}<a id={found[2]}></a>" if is_left_out else found[0]
