"""What the settings of each tool leave out of its articles, as tests of paths. Opens no file."""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kb.content import tools
from kb.content.exclusions import patterns
from kb.content.exclusions.patterns import Test
from kb.content.navigation import Site
from kb.content.navigation.data import listed, mapping


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One setting of a tool that leaves articles out of the folder it is written for."""

    tool: str  # a name of `tools`
    setting: str  # its name, as its tool's documentation has it
    folder: str  # which paths are counted from, itself from that of the settings
    leaves_out: Test  # whether the file at a path is left out
    unread: tuple[str, ...] = ()  # patterns that cannot be followed
    is_default: bool = False  # whether the tool does so where nothing is set

    @property
    def has_effect(self) -> bool:
        """Whether it may leave anything out."""
        return self.leaves_out is not patterns.nothing


def _texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, or of one text."""
    given = [value] if isinstance(value, str) else listed(value)
    return tuple(each for each in given if isinstance(each, str) and each)


def _folder(*parts: Any) -> str:
    """The folder at the end of a way from that of the settings; "" for that folder itself."""
    named = (part for part in parts if isinstance(part, str))
    found = posixpath.normpath(posixpath.join(".", *named))
    return "" if found == "." else found


# ---------------------------------------------------------------- Jekyll

# Jekyll 4 adds what is set to these; see jekyllrb.com/docs/configuration/default.
_OF_JEKYLL = (
    "gemfiles/", "node_modules/", "vendor/bundle/", "vendor/cache/", "vendor/gems/", "vendor/ruby/",
)  # fmt: skip


def jekyll(content: Any) -> Iterator[Exclusion]:
    """`exclude` of `_config.yml`: beginnings of paths, and patterns, without those of `include`."""
    settings = mapping(content)
    folder = _folder(settings.get("source"))
    included = _texts(settings.get("include"))
    kept, _ = patterns.fnmatches(included)
    for given, is_default in ((_texts(settings.get("exclude")), False), (_OF_JEKYLL, True)):
        beginnings = tuple(each.lstrip("/") for each in given if each not in included)
        beginnings = tuple(filter(None, beginnings))
        matched, unread = patterns.fnmatches(beginnings)
        if beginnings:
            test = _of_jekyll(beginnings, matched, kept)
            yield Exclusion(tools.JEKYLL, "exclude", folder, test, tuple(unread), is_default)


def _places(path: str) -> Iterator[str]:
    """The folders that hold a file, the outermost first, and the file itself."""
    parts = path.split("/")
    yield from ("/".join(parts[:end]) for end in range(1, len(parts) + 1))


def _of_jekyll(beginnings: tuple[str, ...], matched: Test, kept: Test) -> Test:
    def test(path: str) -> bool:
        for each in _places(path):
            is_out = each.startswith(beginnings) or f"{each}/" in beginnings or matched(each)
            if is_out and not kept(each) and not kept(posixpath.basename(each)):
                return True
        return False

    return test


# ---------------------------------------------------------------- MkDocs


def mkdocs(content: Any) -> Iterator[Exclusion]:
    """`exclude_docs` of `mkdocs.yml`, and the plugin `exclude`.

    `draft_docs` and `not_in_nav` are no exclusions: such pages are there.
    """
    settings = mapping(content)
    settings = mapping(settings.get("project")) or settings
    folder = _folder(settings.get("docs_dir") or "docs")
    given = settings.get("exclude_docs")
    lines = tuple(given.splitlines()) if isinstance(given, str) else ()
    test, unread = patterns.gitignore(lines)
    yield Exclusion(tools.MKDOCS, "exclude_docs", folder, test, tuple(unread))
    brought_back = tuple(line for line in lines if line.startswith("!"))
    test, _ = patterns.gitignore(("/templates/", *brought_back))
    yield Exclusion(tools.MKDOCS, "exclude_docs", folder, test, is_default=True)
    plugins = settings.get("plugins")
    for plugin in [plugins] if isinstance(plugins, dict) else listed(plugins):
        options = mapping(mapping(plugin).get("exclude"))
        globs, unread = patterns.fnmatches(_texts(options.get("glob")))
        found, others = patterns.expressions(_texts(options.get("regex")), at_start=True)
        test = patterns.joined((globs, found))
        yield Exclusion(tools.MKDOCS, "plugins.exclude", folder, test, (*unread, *others))


# ---------------------------------------------------------------- Docusaurus

_OF_DOCUSAURUS = ("**/_*.{js,jsx,ts,tsx,md,mdx}", "**/_*/**", "**/*.test.*", "**/__tests__/**")
_PRESETS = re.compile(r"(?:@docusaurus/preset-)?classic$")
_PLUGINS = re.compile(r"@docusaurus/(?:plugin-content-)?(docs|blog|pages)$")
_PLACES = {"docs": "docs", "blog": "blog", "pages": "src/pages"}
_MOST_PLUGINS = 40


def docusaurus(content: Any) -> Iterator[Exclusion]:
    """`exclude` of the plugins for content, as `docusaurus.config.js` sets them."""
    for kind, options in _contents(mapping(content)):
        given = options.get("exclude")
        excluded = _texts(given) if isinstance(given, list) else _OF_DOCUSAURUS
        test, unread = patterns.globs(excluded, whole_folders=True)
        place, name = options.get("path") or _PLACES[kind], options.get("id")
        own = "" if name in (None, "default") else str(name)
        tests = {_folder(place): test, "i18n": _behind(_translations(kind, own), test)}
        if kind == "docs":
            tests[f"{own}_versioned_docs".lstrip("_")] = _behind("version-[^/]+/", test)
        for folder, each in tests.items():
            yield Exclusion(
                tools.DOCUSAURUS, f"{kind}.exclude", folder, each, tuple(unread),
                is_default=not isinstance(given, list),
            )  # fmt: skip
            unread = []


def _translations(kind: str, name: str) -> str:
    plugin = f"docusaurus-plugin-content-{kind}" + (f"-{re.escape(name)}" if name else "")
    return f"[^/]+/{plugin}/" + ("(?:version-[^/]+|current)/" if kind == "docs" else "")


def _behind(beginning: str, test: Test) -> Test:
    """The test of what is behind a beginning, which all paths that are left out must have."""
    outer = re.compile(beginning)

    def within(path: str) -> bool:
        found = outer.match(path)
        return found is not None and test(path[found.end() :])

    return patterns.nothing if test is patterns.nothing else within


def _contents(settings: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kinds and options of the plugins for content."""
    for preset in listed(settings.get("presets"))[:_MOST_PLUGINS]:
        name, options = _named(preset)
        if not name or _PRESETS.match(name):
            for kind in _PLACES:
                given = options.get(kind, {} if kind == "docs" else None)
                if isinstance(given, dict):
                    yield kind, given
    for plugin in listed(settings.get("plugins"))[:_MOST_PLUGINS]:
        name, options = _named(plugin)
        if found := _PLUGINS.match(name):
            yield found[1], options


def _named(entry: Any) -> tuple[str, dict[str, Any]]:
    """The name and the options of a plugin; a name that is computed is missing."""
    parts = [entry] if isinstance(entry, str) else listed(entry)
    name = parts[0] if parts and isinstance(parts[0], str) else ""
    return name, mapping(parts[-1]) if parts else {}


# ---------------------------------------------------------------- DocFX

_MANY = re.compile(r"(^|/)\*{3,}(?=/|$)")
_SHORT = re.compile(r"(^|/)\*{2,}(?=[^/*])")


def docfx(content: Any) -> Iterator[Exclusion]:
    """`exclude` of `build.content` in `docfx.json`, for files that no other entry brings in."""
    entries = mapping(mapping(content).get("build")).get("content")
    made = [_entry(each) for each in ([entries] if isinstance(entries, dict) else listed(entries))]
    for folder in dict.fromkeys(folder for folder, _, _, _ in made):
        here = [each for each in made if each[0] == folder]
        left_out = patterns.joined(excluded for _, _, excluded, _ in here)
        others = [(_way(folder, each[0]), each[1], each[2]) for each in made]
        unread = [each for _, _, _, unread in here for each in unread]
        test = left_out if left_out is patterns.nothing else _of_docfx(left_out, others)
        yield Exclusion(tools.DOCFX, "build.content.exclude", folder, test, tuple(unread))


def _entry(entry: Any) -> tuple[str, Test, Test, list[str]]:
    """Folder, files, excluded files of an entry, and patterns of these that cannot be read."""
    options = mapping(entry) or {"files": entry}
    folder = _folder(options.get("src") or options.get("cwd"))
    is_exact = options.get("case") is True
    files, _ = patterns.globs(_of_files(options.get("files")), ignore_case=not is_exact)
    out, unread = patterns.globs(_of_files(options.get("exclude")), ignore_case=not is_exact)
    return folder, files, out, unread


def _of_files(value: Any) -> tuple[str, ...]:
    """Globs of DocFX as others write them: `**.md` is short for `**/*.md`."""
    return tuple(_SHORT.sub(r"\1**/*", _MANY.sub(r"\1**", each)) for each in _texts(value))


def _way(start: str, goal: str) -> tuple[str, str]:
    """What is put before a path counted from `start`, and what is cut off, to count from `goal`."""
    way = posixpath.relpath(posixpath.join("/-", start), posixpath.join("/-", goal))
    if way == ".":
        return "", ""
    if not way.startswith(".."):
        return f"{way}/", ""
    back = posixpath.relpath(posixpath.join("/-", goal), posixpath.join("/-", start))
    return ("", f"{back}/") if not back.startswith("..") else ("", "\0")


def _of_docfx(left_out: Test, others: list[tuple[tuple[str, str], Test, Test]]) -> Test:
    def test(path: str) -> bool:
        if not left_out(path):
            return False
        for (put, cut), files, excluded in others:
            there = put + path.removeprefix(cut)
            if path.startswith(cut) and files(there) and not excluded(there):
                return False
        return True

    return test


# ---------------------------------------------------------------- the others


def hugo(content: Any) -> Iterator[Exclusion]:
    """`ignoreFiles` of Hugo, expressions that occur in a path, and `excludeFiles` of mounts."""
    settings = mapping(content)
    given = next((v for k, v in settings.items() if k.lower() == "ignorefiles"), None)
    found, unread = patterns.expressions(_texts(given))
    test: Test = lambda path: found(f"/{path}")  # noqa: E731
    test = found if found is patterns.nothing else test
    yield Exclusion(tools.HUGO, "ignoreFiles", "", test, tuple(unread))
    for mount in listed(mapping(settings.get("module")).get("mounts"))[:_MOST_PLUGINS]:
        options = mapping(mount)
        test, unread = patterns.globs(_texts(options.get("excludeFiles")), whole_folders=True)
        folder = _folder(options.get("source"))
        yield Exclusion(tools.HUGO, "module.mounts.excludeFiles", folder, test, tuple(unread))


def diplodoc(content: Any) -> Iterator[Exclusion]:
    """`ignore` of `.yfm`."""
    test, unread = patterns.globs(_texts(mapping(content).get("ignore")), whole_folders=True)
    yield Exclusion(tools.DIPLODOC, "ignore", "", test, tuple(unread))


def obsidian(content: Any) -> Iterator[Exclusion]:
    """`userIgnoreFilters`: beginnings of paths, and expressions between slashes."""
    given = _texts(mapping(content).get("userIgnoreFilters"))
    written = tuple(e[1:-1] for e in given if len(e) > 2 and e[0] == e[-1] == "/")
    beginnings = tuple(e for e in given if not (len(e) > 2 and e[0] == e[-1] == "/"))
    found, unread = patterns.expressions(written)
    begins: Test = lambda path: path.startswith(beginnings)  # noqa: E731
    test = patterns.joined((found, begins if beginnings else patterns.nothing))
    yield Exclusion(tools.OBSIDIAN, "userIgnoreFilters", "", test, tuple(unread))


# See mintlify.com/docs/organize/mintignore; folders such as `build` may hold articles here.
_OF_MINTLIFY = tuple(f"{e}.md" for e in ("README", "LICENSE", "CHANGELOG", "CONTRIBUTING"))


def mintlify(content: Any) -> Iterator[Exclusion]:
    """`.mintignore`, whose lines are as those of `.gitignore`."""
    lines = tuple(content.splitlines()) if isinstance(content, str) else ()
    test, unread = patterns.gitignore(lines)
    yield Exclusion(tools.MINTLIFY, ".mintignore", "", test, tuple(unread))
    brought_back = tuple(line for line in lines if line.startswith("!"))
    test, _ = patterns.gitignore((*_OF_MINTLIFY, *brought_back))
    yield Exclusion(tools.MINTLIFY, ".mintignore", "", test, is_default=True)


# ---------------------------------------------------------------- VitePress


def vitepress(site: Site) -> Iterator[Exclusion]:
    """`srcExclude` of VitePress, and all of the project that is not in its `srcDir`."""
    inner = _folder(site.settings.get("srcDir"))
    if inner and not inner.startswith(".."):
        test: Test = lambda path: not path.startswith(f"{inner}/")  # noqa: E731
        yield Exclusion(tools.VITEPRESS, "srcDir", "", test)
    else:
        inner = ""
    test, unread = patterns.globs(_texts(site.settings.get("srcExclude")), whole_folders=True)
    yield Exclusion(tools.VITEPRESS, "srcExclude", inner, test, tuple(unread))
    test, _ = patterns.globs(("**/dist/**",))
    yield Exclusion(tools.VITEPRESS, "srcExclude", inner, test, is_default=True)


Reader = Callable[[Any], Iterator[Exclusion]]
READERS: dict[str, Reader] = {
    tools.DIPLODOC: diplodoc, tools.DOCFX: docfx, tools.DOCUSAURUS: docusaurus, tools.HUGO: hugo,
    tools.JEKYLL: jekyll, tools.MINTLIFY: mintlify, tools.MKDOCS: mkdocs, tools.OBSIDIAN: obsidian,
}  # fmt: skip
