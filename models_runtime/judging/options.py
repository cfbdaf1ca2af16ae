"""Options of a protocol: a frozen dataclass whose fields say enough to draw a form. Pure."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Literal, Self, get_args, get_type_hints

from annotation.phrases import say


class OptionRefused(ValueError):
    """An option is unknown or outside what it allows; `name` is the field."""

    def __init__(self, name: str, sentence: str) -> None:
        self.name = name
        super().__init__(sentence)


def option(
    default: Any,
    label: str,
    help: str = "",
    *,
    choices: Mapping[str, str] | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A dataclass field with a label, a sentence of help, and the values it allows.

    `choices` maps each allowed text to words for it.
    """
    metadata = {"label": label, "help": help, "choices": choices or {}, "low": low, "high": high}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class OptionField:
    """What a form needs to know about one option."""

    name: str
    kind: Literal["bool", "int", "float", "str"]
    optional: bool
    default: Any
    label: str
    help: str
    choices: Mapping[str, str]
    low: float | None
    high: float | None

    def checked(self, value: Any) -> Any:
        """`value` as the option's type. Raises OptionRefused."""
        if value is None and self.optional:
            return None
        if self.kind == "float" and type(value) is int:
            value = float(value)
        if type(value).__name__ != self.kind:
            raise OptionRefused(
                self.name,
                say("“%(label)s” must be %(words)s.", label=self.label, words=_WORDS[self.kind]),
            )
        if self.choices and value not in self.choices:
            allowed = ", ".join(self.choices)
            raise OptionRefused(
                self.name,
                say(
                    "Choose one of these for “%(label)s”: %(allowed)s.",
                    label=self.label,
                    allowed=allowed,
                ),
            )
        if self.low is not None and value < self.low:
            raise OptionRefused(
                self.name,
                say("“%(label)s” must be at least %(low)s.", label=self.label, low=f"{self.low:g}"),
            )
        if self.high is not None and value > self.high:
            raise OptionRefused(
                self.name,
                say(
                    "“%(label)s” must be at most %(high)s.", label=self.label, high=f"{self.high:g}"
                ),
            )
        return value


_WORDS = {
    "bool": say("true or false"),
    "int": say("a whole number"),
    "float": say("a number"),
    "str": say("text"),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options every protocol has."""

    reasks: int = option(
        2, "Asked again", "How often an unreadable reply is asked for anew.", low=0, high=10
    )
    repairs: bool = option(
        True, "Repair", "Before asking anew, ask the model to restate what it meant."
    )

    def __post_init__(self) -> None:
        for each in self.form_fields():
            object.__setattr__(self, each.name, each.checked(getattr(self, each.name)))

    @classmethod
    def form_fields(cls) -> tuple[OptionField, ...]:
        """The options in order of declaration, the protocol's own first."""
        hints = get_type_hints(cls)
        common = {each.name for each in fields(Options)}
        ordered = sorted(fields(cls), key=lambda each: each.name in common)
        return tuple(_describe(each, hints[each.name]) for each in ordered)

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Options from values by name. Raises OptionRefused for an unknown name or a bad value."""
        known = {each.name for each in cls.form_fields()}
        unknown = sorted(set(given) - known)
        if unknown:
            raise OptionRefused(
                unknown[0],
                say(
                    "There is no option “%(unknown)s”. There are: %(names)s.",
                    unknown=unknown[0],
                    names=", ".join(sorted(known)),
                ),
            )
        return cls(**given)

    def given(self) -> dict[str, Any]:
        """Those that differ from their defaults, for a short name and for keeping."""
        defaults = {each.name: each.default for each in self.form_fields()}
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}


def _describe(each: Any, hint: Any) -> OptionField:
    optional = isinstance(hint, types.UnionType) and type(None) in get_args(hint)
    inner = next(a for a in get_args(hint) if a is not type(None)) if optional else hint
    m = each.metadata
    default = None if each.default is MISSING else each.default
    return OptionField(
        each.name, inner.__name__, optional, default, m["label"], m["help"], m["choices"],
        m["low"], m["high"],
    )  # fmt: skip
