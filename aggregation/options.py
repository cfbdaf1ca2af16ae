"""Options of a method: a frozen dataclass whose field metadata says enough to draw a form and to
parse a command line.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from annotation.phrases import say


class OptionError(ValueError):
    """An option is unknown or outside what it allows."""


def option(
    default: Any,
    label: str,
    help: str = "",
    *,
    choices: Sequence[str] = (),
    low: float | None = None,
    high: float | None = None,
    before: Any = MISSING,
) -> Any:
    """A dataclass field with a label, a sentence of help, and the values it allows.

    `before` is the value at which results are as they were before the option existed; name it
    where that isn't the default, so that older results can still be made again.
    """
    return field(
        default=default,
        metadata={
            "label": label,
            "help": help,
            "choices": tuple(choices),
            "low": low,
            "high": high,
            "before": before,
        },
    )


@dataclass(frozen=True)
class OptionField:
    """What a form needs to know about one option."""

    name: str
    kind: Literal["bool", "int", "float", "str"]
    optional: bool
    default: Any
    label: str
    help: str
    choices: tuple[str, ...]
    low: float | None
    high: float | None
    before: Any = None


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options every method has.

    RETIRED: names of options that results were once made with and that never changed one.
    """

    RETIRED: ClassVar[frozenset[str]] = frozenset()

    level: float = option(
        0.95, "Level of intervals", "Share of intervals meant to cover.", low=0.5, high=0.999
    )
    replicates: int = option(
        0,
        "Bootstrap replicates",
        "How often the annotators are reweighted at random; 200 for a look, 1000 for a "
        "publication, 0 for none.",
        low=0,
        high=10_000,
    )
    vary: Literal["annotators", "annotators_and_prompts"] = option(
        "annotators",
        "What the bootstrap varies",
        "Who judged; or who judged and on which prompts, which gives wider intervals that also "
        "hold for prompts not asked, and takes three times as long.",
    )
    seed: int = option(
        0, "Seed", "The same seed on the same judgments gives the same result.", low=0
    )

    def __post_init__(self) -> None:
        for field_ in self.form_fields():
            _check(field_, getattr(self, field_.name))

    @property
    def reads_embeddings(self) -> bool:
        """Whether the method reads frozen embeddings of responses, where there are some."""
        return False

    @classmethod
    @cache
    def form_fields(cls) -> tuple[OptionField, ...]:
        """The options in order of declaration, the method's own first."""
        hints = get_type_hints(cls)
        common = {f.name for f in fields(Options)}
        ordered = sorted(fields(cls), key=lambda f: f.name in common)
        return tuple(_describe(f, hints[f.name]) for f in ordered)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Options from texts or values by name. Raises OptionError for an unknown name or a bad
        value.
        """
        known = {f.name: f for f in cls.form_fields()}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise OptionError(
                say(
                    "Unknown option '%(unknown)s'. Known are: %(names)s.",
                    unknown=unknown[0],
                    names=", ".join(known),
                )
            )
        return cls(**{name: _parse(known[name], value) for name, value in values.items()})


def _describe(f: Any, hint: Any) -> OptionField:
    optional = get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)
    inner = next(a for a in get_args(hint) if a is not type(None)) if optional else hint
    kind: Any = "str" if get_origin(inner) is Literal else inner.__name__
    m = f.metadata
    choices = m["choices"] or tuple(get_args(inner) if get_origin(inner) is Literal else ())
    default = None if f.default is MISSING else f.default
    before = default if m["before"] is MISSING else m["before"]
    return OptionField(
        f.name, kind, optional, default, m["label"], m["help"], choices, m["low"], m["high"], before
    )


def _check(f: OptionField, value: Any) -> None:
    if value is None:
        return
    if f.choices and value not in f.choices:
        raise OptionError(
            say(
                "Option '%(f_name)s' is %(value)s; allowed are: %(names)s.",
                f_name=f.name,
                value=f"{value!r}",
                names=", ".join(f.choices),
            )
        )
    if f.low is not None and not value >= f.low:
        raise OptionError(
            say(
                "Option '%(f_name)s' is %(value)s; it must be at least %(low)s.",
                f_name=f.name,
                value=value,
                low=f.low,
            )
        )
    if f.high is not None and not value <= f.high:
        raise OptionError(
            say(
                "Option '%(f_name)s' is %(value)s; it must be at most %(high)s.",
                f_name=f.name,
                value=value,
                high=f.high,
            )
        )


def _parse(f: OptionField, value: Any) -> Any:
    if not isinstance(value, str):
        return _of_kind(f, value)
    if f.optional and value.strip().lower() in ("", "none"):
        return None
    if f.kind == "bool":
        return _parse_bool(f.name, value)
    if f.kind == "str":
        return value
    try:
        return int(value) if f.kind == "int" else float(value)
    except ValueError as error:
        raise OptionError(
            say(
                "Option '%(f_name)s' needs a number, not %(value)s.",
                f_name=f.name,
                value=f"{value!r}",
            )
        ) from error


def _of_kind(f: OptionField, value: Any) -> Any:
    """A value that isn't text, if it is of the option's own kind."""
    kinds: dict[str, tuple[type, ...]] = {
        "bool": (bool,),
        "int": (int,),
        "float": (int, float),
        "str": (str,),
    }
    fits = isinstance(value, kinds[f.kind]) and (f.kind == "bool" or not isinstance(value, bool))
    if not fits and not (value is None and f.optional):
        raise OptionError(
            say(
                "Option '%(f_name)s' is a %(kind)s, not %(value)s.",
                f_name=f.name,
                kind=f.kind,
                value=f"{value!r}",
            )
        )
    return value


def _parse_bool(name: str, value: str) -> bool:
    truth = {
        "true": True,
        "yes": True,
        "1": True,
        "on": True,
        "false": False,
        "no": False,
        "0": False,
        "off": False,
    }
    if value.strip().lower() not in truth:
        raise OptionError(
            say("Option '%(name)s' needs yes or no, not %(value)s.", name=name, value=f"{value!r}")
        )
    return truth[value.strip().lower()]
