"""Address of the page of a git host on which a new file is written, with its text filled in.

It is derived from `KB_EDIT_URL`, the address of a file's edit page. Pure.
"""

import re
from typing import Final
from urllib.parse import quote, urlencode

_LONGEST: Final = 7_000  # characters of an address that servers take
# The part of an edit page's address, that of a new file's page, and the names of its parameters.
_HOSTS: Final = (
    (re.compile(r"/-/edit/"), "/-/new/", "file_name", "content"),  # GitLab
    (re.compile(r"/_edit/"), "/_new/", "filename", "value"),  # Gitea, Forgejo
    (re.compile(r"(?<=[^/]/)edit/"), "new/", "filename", "value"),  # GitHub
)


def new_file_url(edit_url: str, path: str, text: str) -> str:
    """The page on which the file `path` is written, or "" for a host that is not known.

    `edit_url` holds `{path}` at its end. A text that is too long for an address is left out.
    """
    before, mark, after = edit_url.partition("{path}")
    if not mark or after.strip("/"):
        return ""
    for edit, new, name, value in _HOSTS:
        if edit.search(before):
            # The folder belongs to the address, so that a host cannot take a slash amiss.
            folder, _, file = path.rpartition("/")
            page = edit.sub(new, before, count=1) + quote(folder)
            whole = f"{page}?{urlencode({name: file, value: text})}"
            return whole if len(whole) <= _LONGEST else f"{page}?{urlencode({name: file})}"
    return ""
