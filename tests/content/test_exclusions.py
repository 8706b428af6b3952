"""What the settings of other tools leave out, tool by tool; patterns of strangers; packages."""

import json
import subprocess
import time

import bases
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchfiles import Change

from kb import indexer
from kb.base.config import Settings
from kb.content import exclusions, folder
from kb.content.exclusions import patterns
from kb.jobs import watch


@pytest.fixture
def listed(tmp_path):
    """Writes files and articles, and tells the listing of the folder, or of one in it."""

    def listed(files, *pages, root=""):
        root = tmp_path / root
        bases.write({**{page: f"# The page {page[:-3]}\n" for page in pages}, **files}, tmp_path)
        return folder.list_files(root, ("ru", "en"))

    return listed


def paths(listing):
    return [source.path for source in listing.sources]


def hints(listing):
    return [(each.path, str(each.message)) for each in listing.problems]


# --- packages -----------------------------------------------------------------------------------


def test_installed_packages_hold_no_articles(listed):
    packages = (
        "node_modules/x/README.md", "site/bower_components/y/README.md", "env/lib/a.md",
        "env/lib/site-packages/z.md", "vendor/bundle/ruby/3.2.0/gems/j/README.md",
        "go/vendor/golang.org/x/README.md", "php/vendor/acme/README.md",
        "themes/blue/exampleSite/content/post.md",
    )  # fmt: skip
    marks = ("env/pyvenv.cfg", "go/vendor/modules.txt", "php/vendor/autoload.php",
             "themes/blue/theme.toml")  # fmt: skip

    found = listed(dict.fromkeys(marks, ""), *packages, "a.md")

    assert paths(found) == ["a.md"]
    assert hints(found) == [
        ("env", "installed packages hold no articles, here and in other folders, 7 in all")
    ]


def test_folders_that_are_called_like_packages_hold_articles(listed):
    pages = ("vendor/acme.md", "vendor/bundle/offer.md", "themes/dark/use.md", "Pods/a.md")

    found = listed({"pyvenv.cfg": ""}, *pages)  # somebody works in the folder of the articles

    assert paths(found) == sorted(pages)
    assert not found.problems


def test_folders_of_packages_are_not_entered(listed, tmp_path, monkeypatch):
    listed({"node_modules/x/y/package.json": "{}"}, "a.md")
    entered = []
    entries = folder._entries
    monkeypatch.setattr(folder, "_entries", lambda t, f: entered.append(f) or entries(t, f))

    folder.list_files(tmp_path)

    assert entered == [""]


# --- settings -----------------------------------------------------------------------------------


def test_jekyll_excludes_beginnings_and_patterns_but_what_it_includes(listed):
    config = "exclude: [README.md, drafts, '*.tmp.md', vendor/, docs/old]\ninclude: [keep.tmp.md]\n"
    left_out = (
        "README.md", "drafts/a.md", "drafts-of-2020/b.md", "x/y/c.tmp.md", "vendor/acme/d.md",
        "docs/old-ones.md",
    )  # fmt: skip

    found = listed(
        {"_config.yml": config}, *left_out, "x/README.md", "x/keep.tmp.md", "docs/new.md"
    )

    assert paths(found) == ["docs/new.md", "x/README.md", "x/keep.tmp.md"]
    assert {path for path, _ in hints(found)} == set(left_out)


def test_jekyll_leaves_out_gems_by_itself_and_counts_from_its_source(listed):
    config = {"_config.yml": "source: site\nexclude: [a.md]\n"}

    found = listed(config, "a.md", "site/a.md", "site/vendor/gems/b.md", "site/vendor/gems/c.md")

    assert paths(found) == ["a.md"]
    assert hints(found) == [
        ("site/a.md", "`exclude` of Jekyll leaves it out"),
        ("site/vendor/gems/b.md", "Jekyll makes no pages of it and others, 2 files, unless"
         " `exclude` says otherwise"),
    ]  # fmt: skip


def test_mkdocs_excludes_as_gitignore_does_and_knows_drafts_as_pages(listed):
    config = "exclude_docs: |\n  # a remark\n  *.part.md\n  /old/\n  !/old.part.md\n"
    config += "draft_docs: wip/\nnot_in_nav: |\n  aside.md\n"

    found = listed(
        {"mkdocs.yml": config}, "docs/a.md", "docs/x/b.part.md", "docs/old/c.md", "docs/old/d/e.md",
        "docs/x/old/f.md", "docs/old.part.md", "docs/wip/g.md", "docs/aside.md", "old/h.md",
        "docs/templates/i.md",
    )  # fmt: skip

    assert paths(found) == [
        "docs/a.md", "docs/aside.md", "docs/old.part.md", "docs/wip/g.md", "docs/x/old/f.md",
        "old/h.md",
    ]  # fmt: skip
    assert hints(found) == [
        ("docs/old", "`exclude_docs` of MkDocs leaves out 2 files here"),
        ("docs/templates/i.md", "MkDocs makes no page of it, unless `exclude_docs` says otherwise"),
        ("docs/x/b.part.md", "`exclude_docs` of MkDocs leaves it out"),
    ]
    assert found.problems[0].cure == "to publish it, change `exclude_docs` in mkdocs.yml"


def test_mkdocs_inherits_exclusions_and_a_plugin_excludes_too(listed):
    plugin = (
        "INHERIT: base.yml\nplugins:\n- search\n- exclude: {glob: 'in*', regex: ['.*_x\\.md$']}\n"
    )

    found = listed(
        {"mkdocs.yml": plugin, "base.yml": "exclude_docs: a.md\n"},
        "docs/a.md", "docs/inner/b.md", "docs/c_x.md", "docs/d.md",
    )  # fmt: skip

    assert paths(found) == ["docs/d.md"]


def test_settings_of_mkdocs_above_the_folder_count(listed):
    files = {"mkdocs.yml": "exclude_docs: |\n  /en/a.md\n  b.md\n"}

    assert paths(listed(files, "docs/a.md", "docs/en/a.md", "docs/en/b.md", "docs/en/c.md",
                        root="docs")) == ["a.md", "en/c.md"]  # fmt: skip
    assert paths(listed({}, root="docs/en")) == ["c.md"]


def test_settings_above_do_not_take_away_the_whole_folder_that_was_asked_for(listed):
    found = listed({"_config.yml": "exclude: [docs]\n"}, "docs/a.md", "docs/b.md", root="docs")

    assert paths(found) == ["a.md", "b.md"]
    assert not found.problems


def test_a_project_of_another_tool_inside_an_excluded_folder_is_published(listed):
    files = {"_config.yml": "exclude: [docs, old]\n", "docs/mkdocs.yml": "site_name: Acme\n"}

    found = listed(files, "docs/docs/a.md", "old/b.md", "c.md")

    assert paths(found) == ["c.md", "docs/docs/a.md"]


def test_docusaurus_excludes_by_plugin_in_each_version_and_language(listed):
    config = """
    const rest = ['**/internal/**']
    export default {
      presets: [['classic', /** @type {import('x').Options} */ ({
        docs: { path: 'guide', exclude: ['**/*.part.md', ...rest] },
        blog: { exclude: ['drafts'] },
      })]],
      plugins: [['@docusaurus/plugin-content-docs', { id: 'api', path: 'api', exclude: ['x.md'] }]],
    }"""

    found = listed(
        {"docusaurus.config.js": config},
        "guide/a.md", "guide/b.part.md", "guide/_c/d.md", "guide/internal/e.md", "api/x.md",
        "api/y/x.md", "blog/drafts/f.md", "blog/g.md", "other/internal/h.md",
        "i18n/ru/docusaurus-plugin-content-docs/current/internal/i.md",
        "i18n/ru/docusaurus-plugin-content-docs-api/current/x.md",
        "i18n/ru/docusaurus-plugin-content-docs-api/current/internal/j.md",
    )  # fmt: skip

    assert paths(found) == [
        "api/y/x.md", "blog/g.md", "guide/_c/d.md", "guide/a.md",
        "i18n/ru/docusaurus-plugin-content-docs-api/current/internal/j.md",
        "other/internal/h.md",
    ]  # fmt: skip


def test_docusaurus_leaves_out_underscores_and_tests_by_itself(listed):
    config = "export default { presets: [['classic', { docs: { path: '../docs' } }]] }"
    files = {"website/docusaurus.config.ts": config}

    found = listed(files, "docs/a.md", "docs/x/_parts/b.md", "docs/__tests__/c.md", "x/_d/e.md")

    assert paths(found) == ["docs/a.md", "x/_d/e.md"]
    assert [path for path, _ in hints(found)] == ["docs/__tests__/c.md"]


def test_docfx_excludes_what_no_other_entry_brings_in(listed):
    content = [
        {"files": ["**/*.md"], "exclude": ["**/Drafts/**", "README.md", "***/todo.md", "api/**"],
         "src": "docs"},
        {"files": "api/**.md"},
        {"files": ["**.md"], "src": "docs/api", "exclude": "**internal.md"},
        "*.md",
    ]  # fmt: skip

    found = listed(
        {"docfx.json": json.dumps({"build": {"content": content}})},
        "docs/a.md", "docs/drafts/b.md", "docs/README.md", "docs/x/README.md", "docs/x/todo.md",
        "docs/api/c.md", "docs/api/x/internal.md", "d.md",
    )  # fmt: skip

    assert paths(found) == ["d.md", "docs/a.md", "docs/api/c.md", "docs/x/README.md"]


def test_hugo_ignores_files_by_expressions_it_can_bound(listed):
    config = 'ignoreFiles = ["\\\\.part\\\\.md$", "^.*/(old|gone)/.*$", "(a+)+b"]\n'

    found = listed(
        {"hugo.toml": config}, "content/a.md", "content/b.part.md", "content/old/c.md",
        "content/older/d.md", "content/x/gone/e.md",
    )  # fmt: skip

    assert paths(found) == ["content/a.md", "content/older/d.md"]
    unread = next(each for each in found.problems if each.code == "unread-setting")
    assert (unread.path, unread.message.values["pattern"]) == ("hugo.toml", "(a+)+b")


def test_hugo_excludes_files_of_what_it_mounts(listed):
    mount = 'source = "content/en"\ntarget = "content"\nexcludeFiles = ["**/*.part.md", "old"]\n'

    found = listed(
        {"hugo.toml": f"[[module.mounts]]\n{mount}"},
        "content/en/a.md", "content/en/x/b.part.md", "content/en/old/c.md", "content/de/old/d.md",
    )  # fmt: skip

    assert paths(found) == ["content/de/old/d.md", "content/en/a.md"]


def test_hugo_is_set_in_its_folder_of_settings_too(listed):
    config = {"site/config/_default/hugo.yaml": "ignoreFiles: ['/b\\.md$']\n"}

    assert paths(listed(config, "site/content/a.md", "site/content/b.md")) == ["site/content/a.md"]


def test_diplodoc_obsidian_and_mintlify_leave_out_what_they_are_told(listed):
    files = {
        "yfm/.yfm": "ignore:\n- ./build\n- '*.bad.md'\n",
        "vault/.obsidian/app.json": '{"userIgnoreFilters": ["Templates/", "/\\\\.draft/", "T.md"]}',
        "mint/docs.json": '{"$schema": "https://mintlify.com/docs.json", "navigation": {}}',
        "mint/.mintignore": "drafts/\n!README.md\n",
    }

    found = listed(
        files, "yfm/a.md", "yfm/build/b.md", "yfm/c.bad.md", "vault/a.md", "vault/Templates/b.md",
        "vault/c.draft.md", "vault/T.md", "vault/x/T.md", "mint/a.md", "mint/x/drafts/b.md",
        "mint/README.md", "mint/CHANGELOG.md",
    )  # fmt: skip

    assert paths(found) == ["mint/README.md", "mint/a.md", "vault/a.md", "vault/x/T.md", "yfm/a.md"]


def test_a_setting_that_leaves_out_much_is_told_in_few_lines(listed):
    pages = [f"docs/{n:02}/{name}.md" for n in range(30) for name in ("a", "todo")]

    found = listed({"mkdocs.yml": "exclude_docs: todo.md\n"}, *pages)

    assert len(found.sources) == 30
    assert len(found.problems) == 21
    assert hints(found)[-1] == ("mkdocs.yml", "`exclude_docs` leaves out 10 files in other folders")


def test_what_is_wrong_in_a_folder_that_is_left_out_is_told_no_more(listed, tmp_path):
    listed({"_config.yml": "exclude: [old]\n"}, "a.md", "old/b.md")
    (tmp_path / "old/gone.md").symlink_to("/nowhere")

    found = folder.list_files(tmp_path)

    assert [each.code for each in found.problems] == ["left-out"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_config.yml", "exclude: {a: b}"),
        ("_config.yml", "exclude: [1, null, [x], '', '/', '[', '\\\\']\nsource: [../..]"),
        ("_config.yml", "source: ../../..\nexclude: [etc]"),
        ("_config.yml", "exclude: ['" + "*a" * 200 + "']"),
        ("_config.yml", ": : ["),
        ("mkdocs.yml", "exclude_docs: [a]\ndocs_dir: {}\nplugins: exclude"),
        ("mkdocs.yml", "exclude_docs: |\n  !\n  /\n  //\n  \\\n  [\n  ***/\n"),
        ("mkdocs.yml", "plugins: {exclude: {regex: ['(', '(a|a)*$', '\\\\1']}}"),
        ("mkdocs.yml", "INHERIT: mkdocs.yml\nexclude_docs: nothing.md"),
        ("docfx.json", '{"build": {"content": [1, null, [], {"files": {}, "exclude": {}}]}}'),
        ("docfx.json",
         '{"build": {"content": {"src": "/etc", "exclude": "' + "{a,b}" * 40 + '"}}}'),
        ("docusaurus.config.js",
         "export default { presets: [['classic', { docs: false }], 1, []] }"),
        ("docusaurus.config.js",
         "export default { plugins: [['@docusaurus/plugin-content-docs', {path: 1, id: ['('], "
         "exclude: [2, '!(a)']}]] }"),
        ("docusaurus.config.ts", "export default " + "f(" * 3000),
        ("hugo.toml", "ignoreFiles = 7"),
        ("hugo.toml", 'ignoreFiles = ["' + "a?" * 100 + '", "' + "|" * 250 + '"]'),
        (".yfm", "ignore: [[[a]]]"),
        (".obsidian/app.json", '{"userIgnoreFilters": [null, "//", "/(/"]}'),
        (".vitepress/config.js", "export default { srcExclude: [1, '!(x)', '**'.repeat(9)] }"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_leave_nothing_out(listed, name, text):
    found = listed({f"p/{name}": text}, "p/docs/a.md", "p/b.md", "c.md")

    assert paths(found) == ["c.md", "p/b.md", "p/docs/a.md"]


# --- changes ------------------------------------------------------------------------------------


def test_a_change_of_what_is_excluded_counts_at_once(tmp_path):
    settings = Settings(articles=tmp_path / "site", data=tmp_path / "data")
    page = "# A page\n\nHow to pay for an order by card.\n"
    bases.write(
        {"site/_config.yml": "title: Acme\n", "site/a.md": page, "site/b/c.md": page}, tmp_path
    )
    assert indexer.rebuild(settings).articles == 2

    (tmp_path / "site/_config.yml").write_text("exclude: [b]\n")
    without = indexer.rebuild(settings)
    (tmp_path / "site/_config.yml").write_text("exclude: []\n")

    assert (without.articles, without.removed) == (1, 1)
    assert [(each.path, each.code) for each in without.warnings] == [("b/c.md", "left-out")]
    assert indexer.rebuild(settings).articles == 2


def test_settings_that_are_hidden_are_watched(tmp_path):
    wanted = watch._Articles()

    def counts(path):
        return wanted(Change.modified, str(tmp_path / path))

    assert all(map(counts, ("docs/.yfm", ".mintignore", ".obsidian/app.json", "_config.yml")))
    assert not any(map(counts, (".obsidian/workspace.json", ".hidden", "node_modules/x/a.md")))


def test_settings_above_the_folder_are_watched(tmp_path):
    (tmp_path / "docs").mkdir()
    before = exclusions.settings_above(tmp_path / "docs")

    for name in ("_config.yml", "docfx.json", "mkdocs.yml"):
        (tmp_path / name).write_text("")

    found = {path for path, _ in exclusions.settings_above(tmp_path / "docs")} - {
        path for path, _ in before
    }
    assert found == {str(tmp_path / name) for name in ("_config.yml", "docfx.json", "mkdocs.yml")}


# --- patterns -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("glob", "meant", "others"),
    [
        ("a/*.md", ["a/b.md"], ["a/b/c.md", "x/a/b.md", "a/b.mdx"]),
        ("**/a.md", ["a.md", "x/y/a.md"], ["xa.md", "a.md/b"]),
        ("a/**/b", ["a/b", "a/x/y/b"], ["a/xb", "x/a/b"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "ab"]),
        ("./a?[b-d]{e,f{g,h}}", ["axbe", "axcfh"], ["axae", "a/be", "axbf"]),
        ("@(a|b)/(c|d).md", ["a/c.md", "b/d.md"], ["c/c.md"]),
        ("a(1)/[!x]*", ["a(1)/yx"], ["a(1)/xy", "a1/y"]),
        ("*a*a*b", ["aab", "xaayab"], ["ab", "aa/ab"]),
        (r"\*\[", ["*["], ["a["]),
        ("**/*/c/**/*.md", ["x/c/d.md", "x/y/c/z/d.md"], ["c/d.md", "x/c.md"]),
    ],
)
def test_globs_mean_what_other_tools_mean_by_them(glob, meant, others):
    test, unread = patterns.globs((glob,))

    assert not unread
    assert all(map(test, meant))
    assert not any(map(test, others))


_PARTS = st.sampled_from(
    ["a", "b", "ab", "*", "**", "?", "[ab]", "[!a]", "*a", "a*b*", "/", "/", "!"]
)
_PATHS = st.lists(st.sampled_from(["a", "b", "ab", "aab"]), min_size=1, max_size=4).map("/".join)


@given(
    st.lists(st.lists(_PARTS, min_size=1, max_size=5).map("".join), min_size=1, max_size=3), _PATHS
)
def test_lists_are_read_as_git_reads_them(tmp_path_factory, lines, path):
    where = tmp_path_factory.getbasetemp() / "git"
    if not where.exists():
        subprocess.run(["git", "init", "-q", where], check=True)
    if any("//" in line or line.endswith("/**/") or "!" in line[1:] for line in lines):
        return
    (where / ".gitignore").write_text("\n".join(lines))
    asked = ["git", "-C", where, "check-ignore", "-q", "--no-index", path]

    test, unread = patterns.gitignore(tuple(lines))

    if not unread:
        assert test(path) == (subprocess.run(asked, check=False).returncode == 0)


_WRITTEN = st.text(alphabet="ab.*?/[]{}(),|!\\^$+-{}0123", max_size=40)
_REPEATED = st.tuples(_WRITTEN, st.integers(1, 150)).map(lambda each: (each[0] * each[1])[:300])
_HOSTILE = st.tuples(
    st.sampled_from(["a", "ab", "a/", "ab/", "-"]), st.integers(1, 1000), _WRITTEN
).map(lambda each: (each[0] * each[1] + each[2])[:1500])


@given(st.one_of(_WRITTEN, _REPEATED), _HOSTILE)
def test_no_pattern_runs_on(pattern, path):
    began = time.process_time()

    for read in (patterns.globs, patterns.fnmatches, patterns.expressions, patterns.gitignore):
        test, _ = read((pattern,))
        test(path)

    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "pattern",
    ["*a" * 140 + "b", "**/a*" * 50 + "b", "**a" * 90, "{a,ab}" * 7 + "c", "?" * 299,
     ".*a" * 90 + "b$", "(a|aa)(a|aa)(a|ab)(a|b)b", "[^/]*b", "a?" * 7 + "a" * 7 + "b"],
)  # fmt: skip
def test_patterns_made_to_run_on_do_not(pattern):
    began = time.process_time()

    for read in (patterns.globs, patterns.fnmatches, patterns.expressions, patterns.gitignore):
        test, _ = read((pattern,))
        for path in ("a" * 255, "/".join(["a" * 250] * 4), "a/" * 700):
            assert not test(path) or pattern.count("?") > 200 or pattern.startswith("**a")

    assert time.process_time() - began < 2
