"""A project's rules of assignment: typed, with their limits, read from JSON or refused by name."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

from annotation.phrases import say


class Order(StrEnum):
    """In which order open questions are given out."""

    PRIORITY = "priority"
    RANDOM = "random"
    SEQUENTIAL = "sequential"
    LEAST_JUDGED = "least_judged"


class RulesRefused(ValueError):
    """Settings that can't be; `errors` maps their names to sentences."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__(" ".join(f"{name}: {text}" for name, text in errors.items()))


BY_GROUP = {"seats_per_group": 1000, "judgments_per_group": 10_000_000}  # the most of each
REST = "*"  # in quotas: everybody in no named group


def _whole(default: int, least: int, most: int) -> int:
    limits = {"least": least, "most": most}
    value: int = field(default=default, metadata=limits)
    return value


def _share(default: float) -> float:
    value: float = field(default=default, metadata={"least": 0.0, "most": 1.0})
    return value


@dataclass(frozen=True, slots=True)
class AssignmentRules:
    """Who gets what, how often, and when somebody is stopped. Zero or empty switches a rule off.

    `overlap_least` and `overlap_most` let a question end early once the answer leading among
    `overlap_least` or more people is the majority's with posterior probability `certainty`, and
    ask further people, up to `overlap_most`, while it isn't.

    `group_by` names a declared attribute; `seats_per_group` keeps that many of a question's seats
    for each of its values, and other people share the rest. `judgments_per_group` is how many
    judgments each of its values gives over the whole project; "*" stands for everybody whose value
    isn't named, and without it they aren't limited.

    `gold_share` of an annotator's questions have known answers, and `repeat_share` are their own
    again on swapped sides, at least `repeat_after` answers later. Neither takes a seat nor counts.
    `gold_feedback` tells the expected answer afterwards.

    A newcomer first gets `qualification_questions` with known answers and goes on if they agree
    with at least `qualification_pass` of them.

    Somebody whose agreement over the last `gold_window` known answers falls below `gold_least`,
    with themselves over `repeat_window` repeats below `repeat_least`, or who answers more than
    `too_fast_share` of `too_fast_window` questions within `fastest_ms` milliseconds is warned
    `warnings` times and then paused, for `pause_hours` (0: until the owner lets them go on).
    """

    order: Order = Order.PRIORITY
    most_per_annotator: int = _whole(0, 0, 10_000_000)
    most_per_day: int = _whole(0, 0, 1_000_000)
    overlap_least: int = _whole(0, 0, 1000)
    overlap_most: int = _whole(0, 0, 1000)
    certainty: float = field(default=0.9, metadata={"least": 0.5, "most": 1.0})
    group_by: str = ""
    seats_per_group: Mapping[str, int] = field(default_factory=dict)
    judgments_per_group: Mapping[str, int] = field(default_factory=dict)
    gold_share: float = _share(0.0)
    gold_feedback: bool = False
    repeat_share: float = _share(0.0)
    repeat_after: int = _whole(20, 1, 100_000)
    qualification_questions: int = _whole(0, 0, 1000)
    qualification_pass: float = _share(0.8)
    gold_least: float = _share(0.0)
    gold_window: int = _whole(10, 1, 1000)
    repeat_least: float = _share(0.0)
    repeat_window: int = _whole(5, 1, 1000)
    fastest_ms: int = _whole(0, 0, 3_600_000)
    too_fast_share: float = _share(0.5)
    too_fast_window: int = _whole(20, 1, 1000)
    warnings: int = _whole(1, 0, 10)
    pause_hours: int = _whole(0, 0, 24 * 365)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The rules in a project's settings; what isn't named has its default.

        Raises RulesRefused with a sentence for every wrong or unknown name.
        """
        known = {each.name: each for each in fields(cls)}
        errors = {name: say("There is no such setting.") for name in settings if name not in known}
        values: dict[str, Any] = {}
        for name in settings.keys() & known.keys():
            try:
                values[name] = _read(name, settings[name], known[name].metadata)
            except ValueError as error:
                errors[name] = str(error)
        if errors:
            raise RulesRefused(errors)
        rules = cls(**values)
        rules._refuse_contradictions()
        return rules

    def _refuse_contradictions(self) -> None:
        errors = {}
        if bool(self.overlap_least) != bool(self.overlap_most):
            errors["overlap_most"] = say("Give both the least and the most people per question.")
        elif self.overlap_least > self.overlap_most:
            errors["overlap_most"] = say(
                "The most people per question can't be fewer than the least."
            )
        if (self.seats_per_group or self.judgments_per_group) and not self.group_by:
            errors["group_by"] = say("Name the attribute whose groups have seats or quotas.")
        if self.gold_share + self.repeat_share > 0.9:
            errors["gold_share"] = say("Leave at least a tenth of the questions for new ones.")
        if errors:
            raise RulesRefused(errors)

    def as_settings(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON; `of` reads it back."""
        standard = asdict(type(self)())
        mine = asdict(self) | {name: dict(getattr(self, name)) for name in BY_GROUP}
        return {name: value for name, value in mine.items() if value != standard[name]}

    @property
    def is_plain(self) -> bool:
        """Whether what one has done before doesn't decide what comes next."""
        return not (self.caps or self.has_checks or self.group_by)

    @property
    def adapts_overlap(self) -> bool:
        return self.overlap_most > 0

    @property
    def has_checks(self) -> bool:
        return bool(self.gold_share or self.repeat_share or self.qualification_questions)

    @property
    def watches(self) -> bool:
        return bool(self.gold_least or self.repeat_least or self.fastest_ms)

    @property
    def caps(self) -> bool:
        return bool(self.most_per_annotator or self.most_per_day)


def _read(name: str, value: Any, limits: Mapping[str, Any]) -> Any:
    if name == "order":
        return _order(value)
    if name in BY_GROUP:
        return _by_group(value, BY_GROUP[name])
    if name == "group_by":
        return _text(value)
    if name == "gold_feedback":
        return _flag(value)
    return _number(value, limits["least"], limits["most"])


def _order(value: Any) -> Order:
    if value not in list(Order):
        raise ValueError(say("Choose one of %(orders)s.", orders=", ".join(Order)))
    return Order(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(say("Say true or false."))
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 100:
        raise ValueError(say("Give a text of at most 100 characters."))
    return value.strip()


def _number(value: Any, least: float, most: float) -> float:
    whole = isinstance(least, int)
    fits = type(value) is int if whole else type(value) in (int, float)
    if not fits or not least <= value <= most:
        if whole:
            raise ValueError(
                say("Give a whole number from %(least)s to %(most)s.", least=least, most=most)
            )
        raise ValueError(say("Give a number from %(least)s to %(most)s.", least=least, most=most))
    number: float = value if whole else float(value)
    return number


def _by_group(value: Any, most: int) -> dict[str, int]:
    if not isinstance(value, Mapping) or len(value) > 50:
        raise ValueError(say("Give at most 50 groups, each with its number."))
    for group, seats in value.items():
        if not isinstance(group, str) or not 1 <= len(group) <= 100:
            raise ValueError(say("A group's name has 1 to 100 characters."))
        if type(seats) is not int or not 1 <= seats <= most:
            raise ValueError(
                say("“%(group)s” needs a whole number from 1 to %(most)s.", group=group, most=most)
            )
    return dict(value)
