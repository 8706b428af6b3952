"""Jinja as pages use it: an environment for each language, texts and calls without detours."""

from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any, cast

from flask.templating import Environment as FlaskEnvironment
from jinja2 import BytecodeCache, Template, nodes, pass_eval_context
from jinja2 import Environment as JinjaEnvironment
from jinja2.bccache import Bucket
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context, Macro
from markupsafe import Markup

from kb.base.cache import Cache
from kb.site.html_text import as_html

_PLAIN = frozenset([FunctionType, MethodType, BuiltinFunctionType, partial])
_PASSED = "jinja_pass_arg"  # where Jinja notes what a function is passed before its arguments
_EVAL_CONTEXT = getattr(pass_eval_context(lambda context: None), _PASSED)


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
        if options:
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


class _Generator(CodeGenerator):
    """Compiles a template; its sentences without values are translated here, once."""

    environment: "Environment"

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        match node:
            case nodes.Call(node=nodes.Name(name="_"), args=[nodes.Const(value=text)], kwargs=[]):
                if self.environment.sentence and not frame.eval_ctx.volatile:
                    return str(finalize.const(self.environment.sentence(frame.eval_ctx, text)))
        return super()._output_child_to_const(node, frame, finalize)


class CompiledTemplates(BytecodeCache):
    """Compiled templates by language and text, in memory."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Gives a template its code, if this very text was compiled before."""
        bucket.code = self._code.get(self._key(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps the code of a template."""
        self._code[self._key(bucket)] = bucket.code

    @staticmethod
    def _key(bucket: Bucket) -> tuple[str, str, str]:
        return cast("Environment", bucket.environment).lang, bucket.key, bucket.checksum


class Environment(FlaskEnvironment):
    """The templates of the site."""

    context_class = _Context
    template_class = _Template
    code_generator_class = _Generator
    lang = ""  # if its sentences are of one language
    sentence: Callable[[nodes.EvalContext, str], str] | None = None  # `_` of that language

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **{"bytecode_cache": CompiledTemplates(), **options})
        self._parts = Cache(_rendered, megabytes=1)

    def localised(self, lang: str, names: Mapping[str, Any]) -> "Environment":
        """The same templates with more global names, among them those of `formatting.texts`.

        Names that were global in pages alone are so in the modules of macros, too; each module is
        made once. Code is shared by all environments of `lang`.
        """
        made: Environment = self.overlay()
        made.lang = lang
        made.globals = {**self.globals, **names, "part": made.part}
        made.sentence = names["_"]
        return made

    def part(self, name: str, **values: object) -> Markup:
        """A template that depends on global names and `values` alone, rendered once."""
        return self._parts[self, name, tuple(values.items())]

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The global names of a template: a plain dictionary, since each page copies it."""
        return {**self.globals, **d} if d else self.globals


def _rendered(key: tuple[Environment, str, tuple[tuple[str, object], ...]]) -> Markup:
    environment, name, values = key
    return Markup(environment.get_template(name).render(values))  # noqa: S704 - is escaped
