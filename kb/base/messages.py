"""Messages for people: English sentences that can be translated later."""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from pydantic_core.core_schema import CoreSchema

Value = Union[str, int, "Message"]
Translate = Callable[[str, str, int], str]  # template, its plural or "", number → template


class Message(str):
    """A sentence in English with the template and values from which it can be translated.

    The template is the sentence's name in the catalogues; `{name}` in it stands for a value. An
    `int` is a count, its digits grouped as a language groups them; a value that is a Message is
    said in the same language. With `plural`, the template is that of one, and `n` is the number.
    Where there are no values, braces are braces.
    """

    __slots__ = ("plural", "template", "values")

    template: str
    plural: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, plural: str = "", /, **values: Value) -> "Message":
        message = super().__new__(cls, _filled(template, plural, values, _english, _grouped))
        message.template, message.plural, message.values = template, plural, values
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Value]]:
        return (self.template, self.plural), dict(self.values)

    def said(self, translate: Translate, written: Callable[[int], str]) -> str:
        """The translated sentence; `translate` looks a template up, `written` formats numbers.

        English stands in for a translation that asks for values there are none of.
        """
        try:
            return _filled(self.template, self.plural, self.values, translate, written)
        except (LookupError, ValueError):
            return str(self)

    def with_values(self, **values: Value) -> "Message":
        """The same sentence with other values, of those it has."""
        known = {name: value for name, value in values.items() if name in self.values}
        return type(self)(self.template, self.plural, **{**self.values, **known})

    def with_text_replaced(self, old: str, new: str) -> "Message":
        """The same sentence with `old` replaced by `new` in its values, and in theirs."""

        def replaced(value: Value) -> Value:
            if isinstance(value, Message):
                return value.with_text_replaced(old, new)
            return value.replace(old, new) if isinstance(value, str) else value

        return self.with_values(**{name: replaced(value) for name, value in self.values.items()})

    def to_json(self) -> Any:
        """Plain JSON values; `from_json` gives an equal message back."""
        values = {
            name: value.to_json() if isinstance(value, Message) else value
            for name, value in self.values.items()
        }
        return [self.template, self.plural, values]

    @classmethod
    def from_json(cls, value: Any) -> "Message":
        """The message of values of `to_json`, or of text alone, as older versions stored it.

        Raises TypeError or ValueError for anything else.
        """
        if isinstance(value, str):
            return cls(value)
        try:
            template, plural, values = value
            return cls(
                template,
                plural,
                **{
                    name: cls.from_json(value) if isinstance(value, list) else value
                    for name, value in values.items()
                },
            )
        except (AttributeError, LookupError) as error:
            raise ValueError(f"not a message: {error}") from None

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> "CoreSchema":
        from pydantic_core import core_schema  # every command says messages, few need its models

        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls.from_json(value),
            serialization=core_schema.plain_serializer_function_ser_schema(cls.to_json),
        )


def quoted(value: object) -> Message:
    """A text in the quotes of the reader's language; anything else as Python writes it."""
    if isinstance(value, str):
        return Message("'{text}'", text=repr(value)[1:-1])
    return Message("{text}", text=repr(value))


def joined(parts: Iterable[str], between: str = "; ") -> Message:
    """Messages and texts side by side, as one message; NOTHING of none."""
    told = [part if isinstance(part, Message) else Message("{text}", text=part) for part in parts]

    def beside(first: Message, second: Message) -> Message:
        return Message("{first}{between}{second}", first=first, between=between, second=second)

    return reduce(beside, told) if told else NOTHING


def _filled(
    template: str,
    plural: str,
    values: Mapping[str, Value],
    translate: Translate,
    written: Callable[[int], str],
) -> str:
    number = values.get("n", 1)
    pattern = translate(template, plural, number if isinstance(number, int) else 1)
    if not values:
        return pattern
    return pattern.format_map(
        {
            name: value.said(translate, written) if isinstance(value, Message)
            else written(value) if isinstance(value, int)
            else value
            for name, value in values.items()
        }
    )  # fmt: skip


def _english(template: str, plural: str, number: int) -> str:
    return plural if plural and number != 1 else template


def _grouped(number: int) -> str:
    return f"{number:,}"


NOTHING = Message("")
