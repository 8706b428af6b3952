"""An article's own HTML as Markdown that stands alone: links and images have whole addresses."""

from kb.html_to_markdown.markdown import filled, to_markdown
from kb.html_to_markdown.tree import Target, address, prepare

LARGEST = 1_000_000  # characters of HTML; longer ones become plain text, which costs no time


_HERE = "https://here.invalid"  # stands for the site (RFC 2606), whatever path it is served at


def as_markdown(html: str, root: str, path: str, lang: str, title: str) -> str:
    """The Markdown of sanitised HTML, without a first heading equal to `title`.

    `root` is the address of the site, which its own paths are added to, and `path` that of the
    article. HTML that is too long or nested too deeply to be converted becomes its plain text.
    """
    if len(html) > LARGEST:
        return _plain(html)
    try:
        tree = prepare(html, _HERE + path, lang, title)
        written = [_written(target, root.rstrip("/"), path) for target in tree.targets]
        return filled(to_markdown(tree), written)
    except (RecursionError, ValueError):
        return _plain(html)


def _written(target: Target, root: str, path: str) -> str:
    """What stands for a target: the address of a link, the whole of an image."""
    url = root + path + target.url if target.url.startswith("#") else target.url
    if url.startswith(f"{_HERE}/"):
        url = root + url.removeprefix(_HERE)
    url = address(url)
    if target.kind == "link":
        return url
    alt = " ".join(target.alt.split()).replace("[", "").replace("]", "")
    return f"![{alt}]({url})"


def _plain(html: str) -> str:
    import nh3

    return nh3.clean(html, tags=set(), clean_content_tags={"script", "style"})
