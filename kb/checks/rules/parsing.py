"""Rules that are told where files are read: their names, levels and meanings. Finds nothing."""

from kb.checks.rules.base import ERROR, HINT, RULES, WARNING, Rule

RULES += [
    Rule(
        "bad-gate",
        ERROR,
        "A key that decides who may read cannot be read; the article is kept back.",
    ),
    Rule("no-title", HINT, "There is no title; the file name is shown."),
    Rule("duplicate-key", WARNING, "A key of the front matter is given twice; the later counts."),
    Rule("title-characters", WARNING, "A title holds control characters, which are left out."),
    Rule("title-hash", WARNING, "A title goes on after ` #`, where YAML begins a comment."),
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
            "order": "`order` is no number",
            "type": "`type` is none of the four types",
            "lang": "`lang` is no language code",
            "slug": "An address cannot be one",
        }.items()
    ),
    Rule("attachment-rejected", WARNING, "A file that an article links to cannot be searched."),
    Rule("attachment-without-text", HINT, "A file that an article links to holds no text: a scan."),
    Rule("attachment-cut", HINT, "A file holds more text than is searched."),
    Rule("bad-navigation", WARNING, "The navigation of a tool cannot be read."),
    Rule("no-history", WARNING, "Git keeps dates and authors to itself; told once."),
    Rule("link-to-folder", WARNING, "A linked folder is not looked into."),
    Rule("not-served", HINT, "Translations into languages that are not served are left out."),
    Rule("left-out", HINT, "Older versions, packages, what settings exclude are no articles."),
    Rule("unread-setting", HINT, "A pattern of what settings exclude is not understood."),
]
