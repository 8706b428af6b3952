"""Templates write what Jinja would write, by shorter ways."""

from gettext import NullTranslations

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, pass_context, pass_environment, pass_eval_context
from jinja2 import Environment as JinjaEnvironment
from markupsafe import Markup, escape

from kb.search import Marked
from kb.site import formatting
from kb.site.html_text import as_html, chain, marked
from kb.site.templating import Environment

TEXTS = st.text(st.sampled_from("a<>&\"' я\x00;#39") | st.characters(), max_size=40)


class Html:
    """An object that is its own HTML."""

    def __html__(self):
        return "<b>&</b>"


class Shouted(str):
    """A text of another type."""


@given(TEXTS)
def test_a_text_is_escaped_as_by_markupsafe(text):
    for value in (text, escape(text), Shouted(text), Html(), 12, None, 1.5):
        assert str(as_html(value)) == str(escape(value))


@given(TEXTS, TEXTS, TEXTS)
def test_marks_surround_escaped_parts(before, inside, after):
    text = Marked(before + inside + after, ((len(before), len(before + inside)),) if inside else ())

    found = marked(text)

    shown = Markup("<mark>{}</mark>").format(inside) if inside else ""
    assert found == escape(before) + shown + escape(after)


def test_a_chain_escapes_its_titles():
    assert chain(("a<b", "c")) == 'a&lt;b <span aria-hidden="true">›</span> c'


@pass_context
def of_context(context, name):
    return context[name]


@pass_environment
def of_environment(environment):
    return environment.autoescape


@pass_eval_context
def of_eval_context(context, text):
    return Markup("<{}>").format(text) if context.autoescape else text


class Called:
    """An object that is called, and one that wants the context."""

    def __call__(self, number):
        return number + 1


NAMES = {
    "of_context": of_context, "of_environment": of_environment, "called": Called(), "x": 5,
    "of_eval_context": of_eval_context, "plain": lambda a, b="<b>": a + b, "type": str,
    "html": Html(), "rows": [("<", 1), (">", 2)],
}  # fmt: skip

TEMPLATE = """
{% macro row(text, n) %}<i>{{ text }}{{ n }}{{ caller() if caller }}</i>{% endmacro %}
{% for text, n in rows %}
{{ row(text, n) }}{% set k = n %}{{ of_context("k") }}{{ plain(text) }}
{% endfor %}
{% call row("&", x) %}{{ html }}{% endcall %}
{{ of_environment() }} {{ of_eval_context("<") }} {{ called(x) }} {{ type(x) }} {{ missing }}
{{ "a<b"|upper }} {{ "a<b"|safe }} {{ [1, "<"] }} {{ rows[0][0].replace("<", "'") }}
{% set block %}{{ html }}<{{ x }}{% endset %}{{ block }}{{ block ~ "<" }}
"""


def test_a_template_writes_what_jinja_writes():
    ours = Environment(Flask("ours"), autoescape=True)
    jinjas = JinjaEnvironment(autoescape=True)

    assert ours.from_string(TEMPLATE).render(NAMES) == jinjas.from_string(TEMPLATE).render(NAMES)


def test_a_text_template_escapes_nothing():
    ours = Environment(Flask("ours"), autoescape=False)

    assert ours.from_string("{{ x }} {{ of_eval_context(x) }}").render(NAMES | {"x": "<&"}) == (
        "<& <&"
    )


def localised(roots, templates):
    """An environment in one language for each URL prefix."""
    ours = Environment(Flask("ours"), autoescape=True, loader=DictLoader(templates))
    texts = formatting.texts(NullTranslations())
    return [ours.localised("en", {**texts, "root": root}) for root in roots]


def test_a_sentence_is_translated_while_its_template_is_compiled():
    [here] = localised([""], {})

    compiled = here.compile('{{ _("a < %%") }}', raw=True)

    assert "yield 'a < %'" in compiled
    assert here.from_string('{{ _("a < %%") }}').render() == "a < %"
    assert here.from_string('{% set it = _("a < %%") %}{{ it }}').render() == "a < %"


def test_macros_know_the_place_of_a_page_without_its_context():
    templates = {
        "page.html": '{% import "macros.html" as of %}{{ of.link(x) }} {{ part("it", n="<") }}',
        "macros.html": "{% macro link(to) %}{{ root }}{{ to }}{{ x }}{% endmacro %}",
        "it": "{{ root }}{{ n }}",
    }
    one, other = localised(["/a", "/b"], templates)

    shown = [each.get_template("page.html").render(x="/<") for each in (one, other, one)]

    assert shown == ["/a/&lt; /a&lt;", "/b/&lt; /b&lt;", "/a/&lt; /a&lt;"]
