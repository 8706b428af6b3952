"""Other engines, each as its own documentation sets it up: SQLite FTS5, Whoosh, tantivy, bm25s and
Lucene. Knows nothing of ours.

Every engine has `build`, `open` and `search`; those compared over HTTP have `hits`, too. Words are
joined by OR, the title weighs three times the text, and with `prefix_last` the last word may also
be the beginning of a longer one.
"""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from benchmarks.lib import corpora
from benchmarks.lib.measuring import Elsewhere

TITLE = 3.0
SNIPPET_WORDS, SNIPPET_CHARACTERS = 32, 200
SNIPPET = f"snippet(docs, 2, '[', ']', '…', {SNIPPET_WORDS})"  # of FTS5

Doc = tuple[str, str, str]  # id, title, plain text
_WORD = re.compile(r"\w+", re.UNICODE)


class Hit(NamedTuple):
    """A document that was found, as a result list shows it."""

    id: str
    title: str
    snippet: str


class Engine(Protocol):
    """A search engine over a folder of its own."""

    name: str
    folder: Path

    def build(self, docs: Sequence[Doc]) -> None:
        """Indexes the documents afresh."""

    def open(self) -> None:
        """Opens what was built."""

    def search(
        self, asked: str, limit: int = 10, snippets: bool = False, prefix_last: bool = False
    ) -> list[str]:
        """Ids of the best documents, best first; with snippets they are made, then thrown away."""


class HitEngine(Engine, Protocol):
    """An engine whose snippets are read."""

    def hits(self, asked: str, limit: int = 10, prefix_last: bool = False) -> list[Hit]:
        """The best documents with titles and snippets, best first."""


class FTS5:
    """SQLite's full-text index, ranked by its bm25()."""

    def __init__(self, folder: Path, tokenizer: str = "unicode61", prefix: str = "") -> None:
        self.name = "FTS5 " + tokenizer.split()[0] + (" prefix" if prefix else "")
        self.folder = folder
        self._file, self._tokenizer, self._prefix = folder / "fts5.db", tokenizer, prefix

    def build(self, docs: Sequence[Doc]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        options = f"tokenize='{self._tokenizer}'"
        if self._prefix:
            options += f", prefix='{self._prefix}'"
        with contextlib.closing(sqlite3.connect(self._file)) as db, db:
            db.execute(
                f"CREATE VIRTUAL TABLE docs USING fts5(id UNINDEXED, title, body, {options})"
            )
            db.executemany("INSERT INTO docs VALUES (?, ?, ?)", docs)
            db.execute("INSERT INTO docs(docs) VALUES ('optimize')")
        self.open()

    def open(self) -> None:
        self._db = sqlite3.connect(self._file)
        self._db.execute("PRAGMA mmap_size = 1073741824")
        self._db.execute(f"INSERT INTO docs(docs, rank) VALUES ('rank', 'bm25(0.0, {TITLE}, 1.0)')")
        self._db.commit()

    def search(
        self, asked: str, limit: int = 10, snippets: bool = False, prefix_last: bool = False
    ) -> list[str]:
        return [
            row[0] for row in self._rows(asked, limit, prefix_last, SNIPPET if snippets else "")
        ]

    def hits(self, asked: str, limit: int = 10, prefix_last: bool = False) -> list[Hit]:
        return [Hit(*row) for row in self._rows(asked, limit, prefix_last, f"title, {SNIPPET}")]

    def _rows(self, asked: str, limit: int, prefix_last: bool, more: str) -> list[Any]:
        words = [f'"{word}"' for word in _WORD.findall(asked)]
        if not words:
            return []
        if prefix_last:
            words[-1] += "*"
        columns = f"id, {more}" if more else "id"
        sql = f"SELECT {columns} FROM docs WHERE docs MATCH ? ORDER BY rank LIMIT ?"
        return self._db.execute(sql, (" OR ".join(words), limit)).fetchall()


class Whoosh:
    """Whoosh as its manual shows it: an analyzer, two fields, BM25F, words joined by OrGroup."""

    def __init__(self, folder: Path, *langs: str) -> None:
        """Without a language, StemmingAnalyzer; with one, LanguageAnalyzer.

        With several, what LanguageAnalyzer holds of each, one after another.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Whoosh 2.7.4 on a cold import
            from whoosh import analysis, fields, highlight, index, qparser, query

        self.name = f"Whoosh {' '.join(langs) or 'stemming'}"
        self.folder = folder
        self._index: Any = index
        self._qparser: Any = qparser
        self._query: Any = query
        analyzer = analysis.StemmingAnalyzer()
        if len(langs) == 1:
            analyzer = analysis.LanguageAnalyzer(*langs)
        elif langs:
            analyzer = analysis.RegexTokenizer() | analysis.LowercaseFilter()
            for kind in (analysis.StopFilter, analysis.StemFilter):
                for lang in langs:
                    analyzer |= kind(lang=lang)
        self._schema = fields.Schema(
            id=fields.ID(stored=True),
            title=fields.TEXT(analyzer=analyzer, field_boost=TITLE, stored=True),
            body=fields.TEXT(analyzer=analyzer, stored=True),
        )
        self._fragmenter = highlight.ContextFragmenter(maxchars=SNIPPET_CHARACTERS)

    def build(self, docs: Sequence[Doc]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        writer = self._index.create_in(str(self.folder), self._schema).writer(limitmb=256)
        for id_, title, body in docs:
            writer.add_document(id=id_, title=title, body=body)
        writer.commit()
        self.open()

    def open(self) -> None:
        opened = self._index.open_dir(str(self.folder))
        self._searcher = opened.searcher()
        self._parser = self._qparser.MultifieldParser(
            ["title", "body"], opened.schema, group=self._qparser.OrGroup, plugins=[]
        )

    def search(
        self, asked: str, limit: int = 10, snippets: bool = False, prefix_last: bool = False
    ) -> list[str]:
        if snippets:
            return [hit.id for hit in self.hits(asked, limit, prefix_last)]
        return [hit["id"] for hit in self._found(asked, limit, prefix_last)]

    def hits(self, asked: str, limit: int = 10, prefix_last: bool = False) -> list[Hit]:
        results = self._found(asked, limit, prefix_last)
        results.fragmenter = self._fragmenter
        return [Hit(hit["id"], hit["title"], hit.highlights("body", top=1)) for hit in results]

    def _found(self, asked: str, limit: int, prefix_last: bool) -> Any:
        parsed = self._parser.parse(asked)
        words = _WORD.findall(asked.lower())
        if prefix_last and words:
            prefix, last = self._query.Prefix, words[-1]
            starts = [prefix("title", last, boost=TITLE), prefix("body", last)]
            parsed = self._query.Or([parsed, *starts])
        return self._searcher.search(parsed, limit=limit)


class Tantivy:
    """tantivy with its stemmers one after another: each leaves other scripts alone."""

    def __init__(self, folder: Path, stemmers: Sequence[str] = ("russian", "english")) -> None:
        import tantivy

        self.name = "tantivy"
        self.folder = folder
        self._tantivy: Any = tantivy
        chain = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        chain = chain.filter(tantivy.Filter.lowercase())
        for stemmer in stemmers:
            chain = chain.filter(tantivy.Filter.stemmer(stemmer))
        self._analyzer = chain.build()
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("number", fast=True)
        builder.add_text_field("id", stored=True, tokenizer_name="raw")
        builder.add_text_field("title", stored=True, tokenizer_name="stems")
        builder.add_text_field("body", stored=True, tokenizer_name="stems")
        self._schema = builder.build()

    def build(self, docs: Sequence[Doc]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        made = self._tantivy.Index(self._schema, str(self.folder))
        made.register_tokenizer("stems", self._analyzer)
        writer = made.writer(128_000_000, 1)
        for number, (id_, title, body) in enumerate(docs):
            writer.add_document(
                self._tantivy.Document(number=number, id=id_, title=title, body=body)
            )
        writer.commit()
        writer.wait_merging_threads()
        (self.folder / "ids").write_text("\n".join(id_ for id_, _, _ in docs), "utf-8")
        self.open()

    def open(self) -> None:
        self._index = self._tantivy.Index(self._schema, str(self.folder))
        self._index.register_tokenizer("stems", self._analyzer)
        self._index.reload()
        self._searcher = self._index.searcher()
        self._ids = (self.folder / "ids").read_text("utf-8").split("\n")

    def search(
        self, asked: str, limit: int = 10, snippets: bool = False, prefix_last: bool = False
    ) -> list[str]:
        if snippets:
            return [hit.id for hit in self.hits(asked, limit, prefix_last)]
        _, addresses = self._found(asked, limit, prefix_last)
        numbers = self._searcher.fast_field_values("number", addresses) if addresses else []
        return [self._ids[number] for number in numbers]

    def hits(self, asked: str, limit: int = 10, prefix_last: bool = False) -> list[Hit]:
        parsed, addresses = self._found(asked, limit, prefix_last)
        if not addresses:
            return []
        make = self._tantivy.SnippetGenerator.create(self._searcher, parsed, self._schema, "body")
        make.set_max_num_chars(SNIPPET_CHARACTERS)
        docs = [self._searcher.doc(address) for address in addresses]
        return [
            Hit(doc["id"][0], doc["title"][0], make.snippet_from_doc(doc).to_html()) for doc in docs
        ]

    def _found(self, asked: str, limit: int, prefix_last: bool) -> tuple[Any, list[Any]]:
        """The query and the addresses of the best documents in the index."""
        words = _WORD.findall(asked.lower())
        if not words:
            return None, []
        parsed = self._parsed(words, prefix_last)
        found = self._searcher.search(parsed, limit, count=False).hits
        return parsed, [address for _, address in found]

    def _parsed(self, words: list[str], prefix_last: bool) -> Any:
        query_of = self._tantivy.Query
        should = self._tantivy.Occur.Should
        quoted = " ".join(f'"{word}"' for word in words)
        parsed = self._index.parse_query(quoted, ["title", "body"], field_boosts={"title": TITLE})
        if not prefix_last:
            return parsed
        starts = [
            query_of.fuzzy_term_query(self._schema, field, words[-1], 0, True, True)
            for field in ("title", "body")
        ]
        starts[0] = query_of.boost_query(starts[0], TITLE)
        return query_of.boolean_query([(should, each) for each in (parsed, *starts)])


class BM25s:
    """bm25s with numba, which scores all documents at once. It knows no fields and no snippets.

    So a title stands three times before its text; stemmers follow one another as in tantivy.
    """

    name = "bm25s"

    def __init__(self, folder: Path) -> None:
        import bm25s
        import Stemmer

        self.folder = folder
        self._bm25s: Any = bm25s
        self._stemmers: Any = [Stemmer.Stemmer(name) for name in ("russian", "english")]

    def build(self, docs: Sequence[Doc]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        made = self._bm25s.BM25(backend="numba")
        texts = [" ".join([title] * int(TITLE) + [body]) for _, title, body in docs]
        made.index(self._tokens(texts), show_progress=False)
        made.save(self.folder)
        (self.folder / "ids").write_text("\n".join(id_ for id_, _, _ in docs), "utf-8")
        self.open()

    def open(self) -> None:
        self._index = self._bm25s.BM25.load(self.folder)
        self._ids = (self.folder / "ids").read_text("utf-8").split("\n")

    def search(
        self, asked: str, limit: int = 10, snippets: bool = False, prefix_last: bool = False
    ) -> list[str]:
        """Ids of the best documents by whole words; there are no snippets and no beginnings."""
        if not _WORD.search(asked):
            return []
        found = self._index.retrieve(
            self._tokens([asked]), k=limit, show_progress=False, n_threads=0
        )
        return [self._ids[number] for number in found.documents[0].tolist()]

    def _tokens(self, texts: list[str]) -> Any:
        return self._bm25s.tokenize(
            texts, stopwords=None, stemmer=self._stemmed, token_pattern=_WORD.pattern,
            show_progress=False,
        )  # fmt: skip

    def _stemmed(self, words: list[str]) -> list[str]:
        for stemmer in self._stemmers:
            words = stemmer.stemWords(words)
        return words


class Lucene:
    """Lucene in a Java process of its own: `benchmarks/lucene/Bench.java`.

    The compiler of a JVM works best after thousands of queries: when it is opened, the process
    asks itself `warm_up` queries made of titles. Its answers say what its thread took; what the
    other threads of the JVM do meanwhile, compiler and garbage collector, is not counted.
    """

    name = "Lucene"
    warm_up = 3000

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """The Java process, while there is one."""
        return self._process.pid if self._process else None

    def build(self, docs: Sequence[Doc]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        lines = (
            "\t".join((str(number), *(" ".join(text.split()) for text in doc[1:]))) + "\n"
            for number, doc in enumerate(docs)
        )
        subprocess.run(
            _java("index", self.folder), input="".join(lines), text=True, encoding="utf-8",
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        (self.folder / "ids").write_text("\n".join(id_ for id_, _, _ in docs), "utf-8")

    def open(self) -> None:
        self._ids = (self.folder / "ids").read_text("utf-8").split("\n")
        self._process = subprocess.Popen(
            _java("search", self.folder, str(self.warm_up)), text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdout
        if self._process.stdout.readline() != "ready\n":
            raise SystemExit("Lucene does not start; see benchmarks/lucene")

    def search(
        self, asked: str, limit: int = 10, snippets: bool = False, prefix_last: bool = False
    ) -> list[str]:
        if not _WORD.search(asked):
            return []
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        query = " ".join(asked.split())
        self._process.stdin.write(f"{snippets:d}{prefix_last:d}{query}\n")
        self._process.stdin.flush()
        cpu, clock, numbers = self._process.stdout.readline().rstrip("\n").split("\t")
        found = Elsewhere(self._ids[int(number)] for number in numbers.split())
        found.cpu, found.clock = int(cpu) / 1e6, int(clock) / 1e6
        return found


def _java(*given: object) -> list[str]:
    """The command that runs the benchmark's Java program, which is compiled if it was not."""
    room, source = corpora.CACHE / "lucene", Path(__file__).with_name("lucene")
    java, classes = Path(java_home() or "", "bin"), room / "classes"
    if not classes.exists():
        libraries = f"-DoutputDirectory={room / 'lib'}"
        maven = ["mvn", "-q", "-B", "-f", str(source / "pom.xml"), "dependency:copy-dependencies"]
        environment = os.environ | {"JAVA_HOME": str(java.parent)}
        subprocess.run([*maven, libraries], env=environment, check=True, stdout=subprocess.DEVNULL)
        compiler = [str(java / "javac"), "-d", str(classes), "-cp", f"{room / 'lib'}/*"]
        subprocess.run([*compiler, str(source / "Bench.java")], check=True)
    return [
        str(java / "java"), "-Xmx1g", "--enable-native-access=ALL-UNNAMED", "--add-modules",
        "jdk.incubator.vector", "-cp", f"{room / 'lib'}/*:{classes}", "Bench", *map(str, given),
    ]  # fmt: skip


def java_home() -> str | None:
    """The folder of a Java of at least 21: JAVA_HOME, or one below `/usr/lib/jvm`."""
    places = [os.environ.get("JAVA_HOME", ""), *map(str, Path("/usr/lib/jvm").glob("*"))]
    for place in places:
        release = Path(place, "release")
        found = re.search(r'JAVA_VERSION="(\d+)', release.read_text()) if release.exists() else None
        if found and int(found[1]) >= 21 and Path(place, "bin/javac").exists():
            return place
    return None


def missing(names: Sequence[str]) -> Iterator[str]:
    """Those of the engines that are not installed; says how to get each."""
    for name, modules in (("tantivy", ["tantivy"]), ("bm25s", ["bm25s", "numba", "Stemmer"])):
        if name in names and not all(map(find_spec, modules)):
            wanted = " ".join(["PyStemmer" if each == "Stemmer" else each for each in modules])
            print(f"{name} is left out; install it with: pip install {wanted}", file=sys.stderr)
            yield name
    if "lucene" in names and not (java_home() and shutil.which("mvn")):
        print("lucene is left out; it needs a JDK of 21 or newer and Maven", file=sys.stderr)
        yield "lucene"


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def named(name: str, folder: Path) -> Engine:
    """The engine that speed is compared with: each set up for a base in Russian and English."""
    if name == "fts5":
        return FTS5(folder, prefix="2 3 4")
    kinds = {"tantivy": Tantivy, "bm25s": BM25s, "lucene": Lucene}
    return kinds.get(name, Whoosh)(folder)
