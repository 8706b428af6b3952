"""How well and how fast slips of the keyboard are repaired, on the shared articles and typos.

`python benchmarks/spelling.py [--misses]` prints every figure that the code and its notes quote.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not ours: http.py

from benchmarks.lib.corpora import SHARED
from kb.language import corrections, morphology, query_words, spelling, tokens
from kb.language.lexicon import Lexicon, MemoryLexicon
from kb.language.spelling import Speller
from kb.language.vocabulary import Vocabulary

TITLE = re.compile(r"^title: *(.+)$", re.MULTILINE)
NOISE = re.compile(
    r"https?://\S+|\]\([^)]*\)|<[^>]*>|^(?!title|description)[\w.]+: .*$", re.MULTILINE
)

# Three of the systems that people and passports use.
LATIN = """
    a b v g d e yo zh z i j k l m n o p r s t u f kh cz ch sh shh '' y ' e yu ya
"""
GOST = dict(zip(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    LATIN.split(),
    strict=True,
))  # fmt: skip
PASSPORT = GOST | {
    "ё": "e",
    "й": "i",
    "ц": "ts",
    "щ": "shch",
    "ъ": "ie",
    "ь": "",
    "ю": "iu",
    "я": "ia",
}
CASUAL = GOST | {"ё": "e", "й": "y", "х": "h", "ц": "c", "щ": "sch", "ъ": "", "ь": "", "ж": "j"}
SYSTEMS = {"gost": GOST, "passport": PASSPORT, "casual": CASUAL}


def articles(folder: str) -> list[str]:
    return [
        path.read_text("utf-8", "replace")
        for path in sorted((SHARED / "articles" / folder).rglob("*.md"))
    ]


def titles(texts: Iterable[str]) -> list[str]:
    found = (TITLE.search(content) for content in texts)
    return sorted({match[1].strip(" '\"") for match in found if match})


def typos(name: str) -> list[tuple[str, str]]:
    lines = (SHARED / "typos" / name).read_text("utf-8").splitlines()[1:]
    pairs = [tuple(map(tokens.fold, line.split("\t")[:2])) for line in lines]
    return [(a, b) for a, b in pairs if a.isalpha() and b.isalpha() and a != b]


def in_latin(title: str, system: dict[str, str]) -> str:
    return "".join(
        system.get(c, system[c.lower()].capitalize() if c.lower() in system else c) for c in title
    )


def first(query: str, lexicon: Lexicon) -> str:
    repair = next(corrections.candidates(query + " ", lexicon), None)
    return repair.query.strip() if repair else query


def timed(ask: Callable[[str], object], queries: Sequence[str]) -> str:
    spent = []
    for query in queries:
        start = time.thread_time()  # other processes do not count
        ask(query)
        spent.append(time.thread_time() - start)
    return "ms p50 {:.2f} p99 {:.2f}".format(*np.percentile(spent, [50, 99]) * 1e3)


def spelt(lexicon: MemoryLexicon, show: bool) -> None:
    for name in ("ru_words_dev.tsv", "en_wikipedia.tsv"):
        pairs = [(a, b) for a, b in typos(name) if lexicon.df(b) and not lexicon.df(a)]
        right = plain = within = 0
        for wrong, meant in pairs:
            near = lexicon.nearest(wrong, 40)
            words = [each.word for each in near]
            within += meant in words
            right += words[:1] == [meant]
            by_distance = sorted(near, key=lambda each: (each.distance, -each.frequency))
            plain += [each.word for each in by_distance[:1]] == [meant]
            if show and meant in words and words[0] != meant:
                print("  ", wrong, meant, words[:4])
        print(
            f"{name}: {len(pairs)} pairs, first {right / len(pairs):.3f}"
            f" (by distance and frequency {plain / len(pairs):.3f}),"
            f" in reach {within / len(pairs):.3f},"
            f" first of those in reach {right / within:.3f};"
            f" {timed(lambda word: lexicon.nearest(word, 10), [a for a, _ in pairs])}"
        )


def false_repairs(lexicon: MemoryLexicon, vocabulary: Sequence[str]) -> None:
    changed = [word for word in vocabulary if next(corrections.candidates(word, lexicon), None)]
    print(f"false repairs of {len(vocabulary)} known words: {len(changed)} {changed[:5]}")


def wrong_layout(lexicon: MemoryLexicon, asked: Sequence[str], show: bool) -> None:
    for label, change in (
        (
            "Russian words only",
            lambda title: re.sub("[А-Яа-яЁё]\\S*", lambda m: corrections.flip(m[0]), title),
        ),
        ("whole titles", lambda title: " ".join(map(corrections.flip, title.split()))),
    ):
        same = 0
        for title in asked:
            repaired = first(change(title), lexicon)
            same += tokens.plain_words(repaired) == tokens.plain_words(title)
            if show and tokens.plain_words(repaired) != tokens.plain_words(title):
                print("  ", title, "|", change(title), "|", repaired)
        speed = timed(lambda query: first(query, lexicon), [change(title) for title in asked])
        print(f"layout, {label}: {same / len(asked):.4f} of {len(asked)} titles; {speed}")


def transliterated(lexicon: MemoryLexicon, asked: Sequence[str], show: bool) -> None:
    for name, system in SYSTEMS.items():
        right = total = 0
        queries = [in_latin(title, system) for title in asked]
        for title, query in zip(asked, queries, strict=True):
            forms = set(tokens.plain_words(first(query, lexicon)))
            lemmas = {lemma for form in forms for lemma in morphology.lemmas(form)}
            missed = [
                word for word in tokens.plain_words(title)
                if word not in forms and not lemmas & set(morphology.lemmas(word))
            ]  # fmt: skip
            words = len(tokens.plain_words(title))
            total += words
            right += words - len(missed)
            if show and missed:
                print("  ", missed, "|", query, "|", first(query, lexicon))
        speed = timed(lambda query: first(query, lexicon), queries)
        print(f"translit {name}: {right / total:.4f} of {total} words; {speed}")


def at_size(vocabulary: Sequence[str], size: int, rare: Iterable[str]) -> None:
    """Time and bytes at `size` words: real ones, then real forms of Russian words."""
    words = set(vocabulary)
    for word in rare:
        if len(words) >= size:
            break
        words.add(word)
    sorted_words = Vocabulary.of(words)
    start = time.perf_counter()
    arrays = Speller.prepare(sorted_words)
    spent = time.perf_counter() - start
    bytes_each = sum(array.nbytes for array in arrays.values()) / len(sorted_words)
    speller = Speller(sorted_words, np.ones(len(sorted_words), np.uint32), arrays)
    asked = [a for name in ("ru_words_dev.tsv", "en_wikipedia.tsv") for a, _ in typos(name)]
    speed = timed(lambda word: speller.near(word, 10), asked)
    print(
        f"{len(sorted_words)} words: {bytes_each:.1f} bytes a word,"
        f" prepared in {spent:.2f} s; near {speed}"
    )
    plain = [sorted_words[place] for place in range(len(sorted_words))]
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    def scan(word: str) -> object:
        return process.extract(word, plain, scorer=OSA.distance, score_cutoff=spelling.reach(word))

    print(f"   scanning all of them with rapidfuzz: {timed(scan, asked[::20])}")


def foreign(lexicon: MemoryLexicon) -> None:
    """Words of questions on other topics, which the index rightly lacks: few may be repaired."""
    for name in ("xquad-ru", "danetqa-ru", "xquad-en"):
        path = SHARED / "sets" / name / "queries.jsonl"
        asked = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
        words = {word for query in asked for word in tokens.plain_words(query) if word.isalpha()}
        lacking = sorted(w for w in words if not lexicon.df(w) and w not in query_words.STOP
                         and not any(map(lexicon.lemma_df, morphology.lemmas(w))))  # fmt: skip
        changed = sum(first(word, lexicon) != word for word in lacking)
        share = changed / len(lacking)
        print(f"words of {name} the index lacks: {len(lacking)}, repaired {share:.3f}")


def whole_queries(texts: Sequence[str], titles: Sequence[str], more: Iterable[str]) -> None:
    """Queries of about eight words on a large vocabulary, all offers drawn."""
    lexicon = MemoryLexicon([*texts, " ".join(more)])
    asked = [title for title in titles if 7 <= len(title.split()) <= 9][:150]
    slips = [(typo, right) for typo, right in typos("ru_words_dev.tsv") if len(right) > 4]

    def offers(query: str) -> object:
        return list(corrections.candidates(query, lexicon))

    misspelt = [
        " ".join([*title.split()[:6], slips[i % len(slips)][0], slips[-i % len(slips)][0]])
        for i, title in enumerate(asked)
    ]
    kinds = {
        "known": asked,
        "two misspelt": misspelt,
        "wrong layout": list(map(corrections.flip, asked)),
        "transliterated": [in_latin(title, PASSPORT) for title in asked],
    }
    print(f"queries of 7 to 9 words, {len(lexicon.vocabulary)} words, until the first offer / all:")
    for kind, queries in kinds.items():
        for query in queries:
            offers(query)  # so that dictionary look-ups are cached, as in a service
        print(
            f"   {kind}: {timed(lambda q: first(q, lexicon), queries)} / {timed(offers, queries)}"
        )


def forms_of(words: Iterable[str]) -> Iterable[str]:
    import pymorphy3

    morphology = pymorphy3.MorphAnalyzer(lang="ru")
    for word in words:
        for form in morphology.parse(word)[0].lexeme:
            yield tokens.fold(form.word)


def main() -> None:
    show = "--misses" in sys.argv
    folders = ("dynamics365-bc-ru", "plausible-docs", "identity-site", "helm")
    texts = {folder: articles(folder) for folder in folders}
    lexicon = MemoryLexicon(NOISE.sub("", content) for each in texts.values() for content in each)
    vocabulary = list(lexicon.vocabulary)
    print(f"{len(vocabulary)} words of the shared articles")
    spelt(lexicon, show)
    false_repairs(lexicon, vocabulary[::7])
    foreign(lexicon)
    asked = titles(texts["dynamics365-bc-ru"])
    wrong_layout(lexicon, asked, show)
    transliterated(lexicon, asked[::4], show)
    others = {
        word
        for path in sorted((SHARED / "sets").rglob("docs.jsonl"))
        for word in tokens.plain_words(path.read_text("utf-8"))
    }
    russian = [word for word in vocabulary if tokens.script(word) == "cyrillic"]
    more = sorted({*others, *forms_of(russian)})
    at_size(sorted({*vocabulary, *others}), 200_000, more)
    whole_queries([content for each in texts.values() for content in each], asked, more)


if __name__ == "__main__":
    main()
