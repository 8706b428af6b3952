"""The tools that folders of Markdown are written for, and what tells them. Opens no file."""

import posixpath
import re

DOCUSAURUS, HUGO, JEKYLL, MKDOCS = "docusaurus", "hugo", "jekyll", "mkdocs"
DIPLODOC, DOCFX, GITBOOK, OBSIDIAN = "diplodoc", "docfx", "gitbook", "obsidian"
STARLIGHT, WIKIJS, VITEPRESS = "starlight", "wikijs", "vitepress"
MINTLIFY, DOCSIFY = "mintlify", "docsify"
PLAIN = "plain"  # of no tool

NAMES = {
    DIPLODOC: "Diplodoc", DOCFX: "DocFX", DOCSIFY: "Docsify", DOCUSAURUS: "Docusaurus",
    GITBOOK: "GitBook", HUGO: "Hugo", JEKYLL: "Jekyll", MINTLIFY: "Mintlify", MKDOCS: "MkDocs",
    OBSIDIAN: "Obsidian", STARLIGHT: "Starlight", VITEPRESS: "VitePress", WIKIJS: "Wiki.js",
}  # fmt: skip

SITE_FOLDER = ".vitepress"  # a hidden folder whose settings are read
_SHOWN = ".gitbook"  # a hidden folder that is none: GitBook keeps images there
SNIPPETS = ".snippets"  # a hidden folder whose texts are there to be included


def is_hidden(path: str) -> bool:
    """Whether a file is hidden, or lies in a hidden folder."""
    may_be = path.startswith(".") or "/." in path
    return may_be and any(part.startswith(".") and part != _SHOWN for part in path.split("/"))


def is_kept_hidden(real: str) -> bool:
    """Whether what a link leads to is hidden, by its path inside the folder.

    Folders such as `..2026_11_29` are not: Kubernetes keeps the files of a ConfigMap in one, and
    links to them beside it.
    """
    return is_hidden("/".join(part for part in real.split("/") if not part.startswith("..")))


def beside_snippets(path: str) -> str:
    """The path without the folders of texts that are there to be included."""
    return "/".join(part for part in path.split("/") if part != SNIPPETS)


# Files and folders that only one tool has.
FILES = {
    ".gitbook.yaml": GITBOOK, ".obsidian": OBSIDIAN, ".openpublishing.publish.config.json": DOCFX,
    SITE_FOLDER: VITEPRESS, ".yfm": DIPLODOC, "SUMMARY.md": GITBOOK, "_config.yml": JEKYLL,
    "astro.config.mjs": STARLIGHT, "astro.config.ts": STARLIGHT, "docfx.json": DOCFX,
    "docs.json": MINTLIFY, "_coverpage.md": DOCSIFY, "_navbar.md": DOCSIFY,
    "_sidebar.md": DOCSIFY, "index.html": DOCSIFY,
    "docusaurus.config.js": DOCUSAURUS, "docusaurus.config.ts": DOCUSAURUS, "hugo.json": HUGO,
    "hugo.toml": HUGO, "hugo.yaml": HUGO, "mkdocs.yaml": MKDOCS, "mkdocs.yml": MKDOCS,
    "mint.json": MINTLIFY, "presets.yaml": DIPLODOC, "sidebars.js": DOCUSAURUS,
    "sidebars.ts": DOCUSAURUS, "zensical.toml": MKDOCS,
}  # fmt: skip

COMMON_NAMES = frozenset(
    ("docs.json", "index.html")
)  # of such files, which others may have as well

# What only one tool writes in a text.
_WRITTEN = {
    DIPLODOC: rb"^[ \t]*\{% (?:note (?:info|tip|warning|alert)|list (?:tabs|accordion)"
    rb"|include (?:notitle )?\[)|^#\|[ \t\r]*$|\[\{#T\}\]",
    DOCFX: rb"\[!INCLUDE ?\[|^[ \t]*:::image |^> \[!div class",
    DOCUSAURUS: rb"^import [^\n]* from ['\"]@(?:theme|site|docusaurus)/",
    GITBOOK: rb"^[ \t]*\{% (?:hint style=|tab title=|content-ref |embed url=|page-ref |stepper )",
    HUGO: rb"\{\{[<%] *\w",
    JEKYLL: rb"\{% (?:include [\w/.-]+\.(?:html|md)|link |post_url |assign )|\{\{ *site\.\w",
    OBSIDIAN: rb"\[\[[^\[\]\s\"'][^\[\]\r\n\"]*\]\](?![(\[])|^>[ \t]*\[!\w+\][+-]",
    STARLIGHT: rb"^import [^\n]* from ['\"]@astrojs/starlight",
    MINTLIFY: rb"<(?:ParamField|ResponseField|CardGroup|AccordionGroup)\b",
    VITEPRESS: rb"^ {0,3}<<< (?:@|\.\.?)/|^ {0,3}<!-- ?@include: "
    rb"|^:{3,} (?:code-group|v-pre|raw)\s*$|^<script setup|<Badge type=\"",
    WIKIJS: rb"^\{\.is-(?:info|success|warning|danger)\}|^editor: markdown\r?$",
}
_ANY = {tool: re.compile(pattern, re.M) for tool, pattern in _WRITTEN.items()}
# What a text must hold for its pattern to match: most hold nothing of it.
_SIGNS = {
    DIPLODOC: (b"{% ", b"#|", b"{#T}"), DOCFX: (b"[!INCLUDE", b":::image", b"[!div"),
    DOCUSAURUS: (b"@theme/", b"@site/", b"@docusaurus/"), GITBOOK: (b"{% ",),
    HUGO: (b"{{<", b"{{%"), JEKYLL: (b"{% ", b"{{"), OBSIDIAN: (b"[[", b"]+", b"]-"),
    STARLIGHT: (b"@astrojs/starlight",),
    MINTLIFY: (b"<ParamField", b"<ResponseField", b"<CardGroup", b"<AccordionGroup"),
    VITEPRESS: (
        b"<<< ", b"@include: ", b": code-group", b": v-pre", b": raw", b"<script setup", b"<Badge",
    ),
    WIKIJS: (b"{.is-", b"editor: markdown"),
}  # fmt: skip
_BY_SIGN = tuple((sign, tool) for tool, signs in _SIGNS.items() for sign in signs)
_FENCE = re.compile(rb"^[ \t>]*(`{3,}|~{3,})[^\n]*\n(?:[^\n]*\n)*?[ \t>]*\1[^\n]*$", re.M)
_SPAN = re.compile(rb"`[^`\n]+`")
_LONGEST = 16_384  # bytes of a text that are looked at


def written_in(data: bytes) -> tuple[str, ...]:
    """The tools of which a text holds something that only they write, outside code."""
    head = data[:_LONGEST]
    signed = dict.fromkeys(tool for sign, tool in _BY_SIGN if sign[0] in head and sign in head)
    found = [tool for tool in signed if _ANY[tool].search(head)]
    if found and (b"`" in head or b"~~~" in head):
        if b"```" in head or b"~~~" in head:
            head = _FENCE.sub(b"", head)
        head = _SPAN.sub(b"", head)
        found = [tool for tool in found if _ANY[tool].search(head)]
    return tuple(found)


def of_file(path: str) -> str:
    """The tool to which a file of this name belongs; "" for any other."""
    return FILES.get(posixpath.basename(path), "")
