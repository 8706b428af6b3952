"""Jinja as pages use it: texts and calls without detours, and filters for texts with marks."""

import re
from collections.abc import Iterable
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any

from flask.templating import Environment as FlaskEnvironment
from jinja2 import Environment as JinjaEnvironment
from jinja2 import Template, pass_eval_context
from jinja2.runtime import Context, Macro
from markupsafe import Markup, escape

from kb.search import Marked

_PLAIN = frozenset([FunctionType, MethodType, BuiltinFunctionType, partial])
_PASSED = "jinja_pass_arg"  # where Jinja notes what a function is passed before its arguments
_EVAL_CONTEXT = getattr(pass_eval_context(lambda context: None), _PASSED)
_NEXT = Markup(' <span aria-hidden="true">›</span> ')
_has_special = re.compile("[&<>\"']").search


def as_html(value: Any) -> str:
    """The text of a value as it stands in HTML.

    As `escape`, but without a new object for what is HTML already and for texts without special
    characters: nearly all that a page shows.
    """
    kind = type(value)
    if kind is Markup or (kind is str and not _has_special(value)):
        return value  # type: ignore[no-any-return]
    return escape(value)


class _Context(Context):
    """The variables of a template; a page calls functions and macros a hundred times."""

    def call(self, function: Any, /, *args: Any, **options: Any) -> Any:
        """Calls a function as Jinja does, which first looks at each from all sides."""
        kind = type(function)
        if kind is Macro:
            passed = _EVAL_CONTEXT
        elif kind in _PLAIN:
            passed = getattr(function, _PASSED, None)
        else:
            return super().call(function, *args, **options)
        if passed is not None and passed is not _EVAL_CONTEXT:
            return super().call(function, *args, **options)
        options.pop("_block_vars", None)
        options.pop("_loop_vars", None)
        if passed is None:
            return function(*args, **options)
        return function(self.eval_ctx, *args, **options)


class _Template(Template):
    """A compiled template, whose outputs go through `as_html` where they went through `escape`."""

    @classmethod
    def from_code(
        cls, environment: JinjaEnvironment, code: CodeType, globals: Any, uptodate: Any = None
    ) -> Template:
        """A template of its compiled code."""
        made = super().from_code(environment, code, globals, uptodate)
        made.root_render_func.__globals__["escape"] = as_html
        return made


class Environment(FlaskEnvironment):
    """The templates of the site."""

    context_class = _Context
    template_class = _Template


def marked(text: Marked) -> Markup:
    """The text as HTML, its marks inside `<mark>`."""
    parts = [
        f"<mark>{as_html(part)}</mark>" if is_marked else as_html(part)
        for part, is_marked in text.parts()
    ]
    return Markup("".join(parts))  # noqa: S704 - each part is escaped


def chain(titles: Iterable[str]) -> Markup:
    """Titles as HTML, one leading to the next."""
    return _NEXT.join(titles)
