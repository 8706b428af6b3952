"""What an import could not keep: the kinds of it, and the sentence for each."""

from kb.base.messages import Message

_KINDS: dict[str, tuple[str, Message]] = {}


def _kind(name: str, message: Message) -> str:
    _KINDS[name] = name, message
    return name


SCRIPT = _kind("script", Message("scripts are left out"))
FORM = _kind("form", Message("form fields are left out, their text stays"))
DRAWING = _kind("drawing", Message("drawings inside the HTML (SVG, canvas) are left out"))
FORMULA = _kind("formula", Message("formulas (MathML) are left out"))
EMBED = _kind("embed", Message("videos and frames became links"))
OBJECT = _kind("object", Message("objects of plug-ins are left out"))
MERGED = _kind("merged-cells", Message("merged cells of tables are separate now"))
NESTED = _kind("nested-table", Message("tables inside tables became text"))
CODE_IN_CELL = _kind("code-in-cell", Message("blocks of code in tables became lines of a cell"))
COLOUR = _kind("colour", Message("colours of text and background are left out"))
UNSAFE_LINK = _kind("unsafe-link", Message("links that run a program became text"))
MISSING_IMAGE = _kind("missing-image", Message("images that were not given"))
REMOTE_IMAGE = _kind("remote-image", Message("images that stay on another site"))
MISSING_FILE = _kind("missing-file", Message("attached files that were not given; the link stays"))
LOST_LINK = _kind("lost-link", Message("links to pages of the help centre that are not imported"))


def sentence(kind: str) -> Message:
    """What is lost, for people."""
    return _KINDS[kind][1]
