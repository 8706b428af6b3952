"""Images and other files beside the articles: which the site may serve, which articles name."""

import html
import os
import re
import stat
from pathlib import Path
from urllib.parse import unquote

from kb.content import tools
from kb.content.markup.link_targets import resolve

TYPES = {
    ".avif", ".csv", ".docx", ".gif", ".jpeg", ".jpg", ".json", ".mp3", ".mp4", ".ogg", ".pdf",
    ".png", ".svg", ".txt", ".webm", ".webp", ".zip",
}  # fmt: skip
_UNUSABLE = re.compile("[\0\ud800-\udfff]")  # no file can have such a name


def find(folder: Path, path: str) -> Path | None:
    """The regular file at `path` inside the articles folder, or None.

    None, too, for a suffix that is not in `TYPES`, for a hidden file or folder, and for a symbolic
    link that leads out of the folder. Never raises.
    """
    root = os.path.realpath(folder)
    parts = path.split("/")
    if _UNUSABLE.search(path) or not all(parts) or not is_servable(path):
        return None
    full = os.path.realpath(os.path.join(root, *parts))
    if not full.startswith(root + os.sep) or not is_servable(full[len(root) + 1 :]):
        return None
    try:
        return Path(full) if stat.S_ISREG(os.stat(full).st_mode) else None
    except OSError:
        return None


def is_servable(path: str) -> bool:
    """Whether a file at this path may be served: of a type in `TYPES`, and not hidden."""
    return not tools.is_hidden(path) and os.path.splitext(path)[1].lower() in TYPES


_SERVED = re.compile(r'(?:href|src)="/media/([^"#?]+)')
_TARGET = re.compile(
    r"""\]\(\s*<?([^)<>\s"']+)|^\s*\[[^\]\n]+\]:\s*<?(\S+)|(?:href|src)\s*=\s*["']?([^"'\s>]+)""",
    re.M,
)


def named_in_page(page: str) -> tuple[str, ...]:
    """The paths of the files that the HTML of an article shows or links to."""
    return tuple(sorted({unquote(html.unescape(found)) for found in _SERVED.findall(page)}))


def named_in_file(path: str, data: bytes) -> tuple[str, ...]:
    """The paths of the files that the targets in a file may mean, which is no readable article."""
    targets = (
        next(filter(None, found)) for found in _TARGET.findall(data.decode("utf-8", "replace"))
    )
    urls = (resolve(html.unescape(target), path, image=True) for target in targets)
    prefix = "/media/"
    return tuple(sorted({unquote(url[len(prefix) :]) for url in urls if url.startswith(prefix)}))
