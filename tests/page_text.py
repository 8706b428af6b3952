"""What a page says: its words, links and fields."""

from html.parser import HTMLParser


class _Words(HTMLParser):
    def __init__(self):
        super().__init__()
        self.words, self.links, self.fields, self._hidden = [], {}, {}, 0
        self._link = None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self._hidden += tag in ("script", "style")
        if tag == "a":
            self._link = attrs.get("href")
        if attrs.get("name"):
            self.fields[attrs["name"]] = attrs.get("value", "")

    def handle_endtag(self, tag):
        self._hidden -= tag in ("script", "style")
        if tag == "a":
            self._link = None

    def handle_data(self, data):
        if not self._hidden and data.strip():
            self.words.append(data.strip())
            if self._link:
                self.links.setdefault(data.strip(), self._link)


def read(answer):
    """What a page says, as one line; its links by text, its fields by name."""
    found = _Words()
    found.feed(answer.text)
    found.text = " ".join(" ".join(found.words).split())
    return found
