"""Rules that are told where files are read: their names, levels and meanings. Finds nothing."""

from kb.checks.base import HINT, RULES, WARNING, Rule

RULES += [
    Rule("no-title", HINT, "There is no title; the file name is shown."),
    Rule("duplicate-key", WARNING, "A key of the front matter is given twice; the later counts."),
    Rule("long-title", WARNING, "A title has more than 300 characters and is cut."),
    Rule("long-answer", WARNING, "An `answer` has more than 300 characters and is cut."),
    *(
        Rule(f"bad-{kind}", WARNING, f"{meaning}; the key counts as absent.")
        for kind, meaning in {
            "text": "A list or a group stands where a text belongs",
            "list": "Something else stands where a list of texts belongs",
            "date": "A date is not written as year-month-day",
            "yes-no": "A value is neither yes nor no",
            "boost": "`boost` is no number from 0.1 to 10",
            "type": "`type` is none of the four types",
            "lang": "`lang` is no language code",
            "slug": "An address cannot be one",
        }.items()
    ),
    Rule("link-to-folder", WARNING, "A linked folder is not looked into."),
]
