"""Work that tests repeat, done once in a process: templates, routes and keys of passwords.

Importing it does nothing; `share` patches libraries, and `keep_what_was_collected` the collector.
"""

import functools
import gc
import hashlib
from typing import Any, ClassVar

import flask
from werkzeug.routing import Rule

from kb.site.templating import CompiledTemplates

_SELDOM = (20_000, 20, 20)  # new objects; usually 700, of which a test makes many times as many


def share() -> None:
    """Shares what applications compile and what is derived of the same password.

    Nothing is collected until all tests are known: what is made until then stays.
    """
    gc.disable()
    flask.Flask.jinja_options = {"bytecode_cache": CompiledTemplates()}
    flask.Flask.url_rule_class = _CompiledRule
    # Deriving a key of a password takes a twentieth of a second: of the same one it is done once.
    hashlib.scrypt = functools.cache(hashlib.scrypt)


def keep_what_was_collected() -> None:
    """Has the collector skip all modules and tests, which stay, and run seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    gc.enable()


class _CompiledRule(Rule):
    """A route by its text: nine tenths of making an application are spent compiling its routes."""

    _known: ClassVar[dict[object, dict[str, Any]]] = {}

    def compile(self) -> None:
        before = dict(vars(self))
        key = (
            type(self), self.rule, self.subdomain, self.host, self.merge_slashes,
            repr(self.defaults), self.map.host_matching, frozenset(self.map.converters.items()),
        )  # fmt: skip
        if key not in self._known:
            super().compile()
            made = {name: value for name, value in vars(self).items()
                    if name not in before or before[name] is not value}  # fmt: skip
            self._known[key] = made | {"arguments": self.arguments}
        vars(self).update(self._known[key])
        self.arguments = set(self.arguments)
