"""Static files of the site: style sheets, scripts and icons, with addresses that may be cached.

The address of a file holds a hash of its content, so browsers keep it for a year.
"""

import mimetypes
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

from flask import Response, abort, request

from kb.base.cache import Cache
from kb.site import compression

_YEAR = "public, max-age=31536000, immutable"

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("image/avif", ".avif")
mimetypes.add_type("image/webp", ".webp")


def addresses(folders: Sequence[Path]) -> dict[str, str]:
    """The address of each file by its path in the folders; the first folder that has it counts."""
    found: dict[str, str] = {}
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            name = file.relative_to(folder).as_posix()
            if file.is_file() and name not in found:
                digest = blake2b(file.read_bytes(), digest_size=6).hexdigest()
                found[name] = f"/static/{name}?v={digest}"
    return found


def response(folders: Sequence[Path], known: Mapping[str, str], name: str) -> Response:
    """The file as the answer to this request; 404 if its `name` is not one of `known`."""
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if name not in known or file is None:
        abort(404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    is_text = kind.startswith("text/") or kind == "image/svg+xml"
    content_type = f"{kind}; charset=utf-8" if is_text else kind
    if is_text and compression.accepts_gzip(request.headers.get("Accept-Encoding", "")):
        answer = Response(_compressed[file, file.stat().st_mtime_ns], content_type=content_type)
        answer.headers.update({"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
    else:
        answer = Response(file.read_bytes(), content_type=content_type)
    is_current = request.full_path == known[name]
    answer.headers["Cache-Control"] = _YEAR if is_current else "public, max-age=300"
    return answer


def _compress(key: tuple[Path, int]) -> bytes:
    file, _modified = key
    return compression.compress_best(file.read_bytes())


_compressed = Cache(_compress, megabytes=2)
