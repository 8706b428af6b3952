"""Folders of installed packages, whose READMEs nobody means as articles. Opens no file."""

from collections.abc import Collection

NAMES = frozenset((
    "__pypackages__", "bower_components", "dist-packages", "jspm_packages", "node_modules",
    "site-packages",
))  # fmt: skip
"""Names of folders that hold packages and nothing else."""

_ENVIRONMENTS = frozenset(("conda-meta", "pyvenv.cfg"))  # of Python
# What tells a folder of packages whose name alone does not, by the end of its path.
_MARKS = {
    "vendor/": frozenset(("autoload.php", "modules.txt")),  # Composer, Go
    "vendor/bundle/": frozenset(("jruby", "ruby", "truffleruby")),  # Bundler
    "Pods/": frozenset(("Manifest.lock",)),
}


def are_in(folder: str, names: Collection[str]) -> bool:
    """Whether a folder holds packages, by the names of what lies in it.

    `folder` ends with a slash, or is "" for the articles folder, which never does: somebody named
    it. A folder `vendor` may hold articles about vendors, so a file of a package manager decides.
    A theme of Hugo, below `themes`, is a package, too: its articles are examples.
    """
    if not folder:
        return False
    if not _ENVIRONMENTS.isdisjoint(names):
        return True
    last = folder.split("/")[-3:-1]
    if last[-1] in ("vendor", "bundle", "Pods"):
        path = f"/{folder}"
        return any(path.endswith(f"/{e}") and not m.isdisjoint(names) for e, m in _MARKS.items())
    return last[0] == "themes" and len(last) == 2 and "theme.toml" in names
