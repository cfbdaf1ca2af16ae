"""A pair and its copies put to a judge, as one talk. Pure.

The judge is a protocol with its options: whatever it asks of a model to reach a verdict is asked
for the pair and for each copy, side by side. What is read is the verdict, and of each call that
showed both responses which came first and what was said.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from models_runtime.audits import PLAIN, Listing, Pair, Show, Trial, Variant, by_place, order_cells
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging.reducers import first_wins
from models_runtime.judging.subject import Subject
from models_runtime.judging.talk import Answer, Answers, Ask, Order, Talk, together
from models_runtime.judging.verdicts import Outcomes, Verdict, logit, sigmoid
from models_runtime.outcomes import Outcome

SEPARATOR = "/"


@dataclass(frozen=True)
class Tried:
    """A variant's trial, and why there is no verdict if there is none."""

    variant: str
    trial: Trial
    cause: str = ""


def audit_talk(
    subject: Subject, variants: Sequence[Variant], protocol: JudgingProtocol, options: Any
) -> Talk[list[Tried]]:
    """Judge the subject as it is and each variant of it; see `talk`."""
    plain = Variant(PLAIN, subject.texts, subject.conversation)
    return together([_tried(subject, each, protocol, options) for each in (plain, *variants)])


def shows_both_orders(subject: Subject, protocol: JudgingProtocol, options: Any) -> bool:
    """Whether the judge is shown the pair in both orders to begin with."""
    talk = protocol.conduct(subject, options)
    orders = {ask.order for ask in next(talk)}
    talk.close()
    return {Order.AB, Order.BA} <= orders


def subject_of(pair: Pair, *, seed: int) -> Subject:
    """A pair as a protocol sees it, for use without a database."""
    key = f"{pair.key}"
    return Subject(
        key=key,
        secret=f"{seed}:{key}",
        conversation=pair.conversation,
        common=str(seed),
        texts=pair.texts,
        families=pair.families,
    )


def _tried(
    subject: Subject, variant: Variant, protocol: JudgingProtocol, options: Any
) -> Generator[Sequence[Ask], Answers, Tried]:
    """One variant's talk, its asks named after it; fences and draws differ from the others'."""
    changed = replace(
        subject,
        key=f"{subject.key}{SEPARATOR}{variant.name}",
        secret=f"{subject.secret}{SEPARATOR}{variant.name}",
        texts=variant.texts,
        conversation=variant.conversation,
    )
    talk = protocol.conduct(changed, options)
    heard: list[tuple[Ask, Answer]] = []
    own: Answers | None = None
    came_to: Outcomes | None = None
    while True:
        try:
            asks = next(talk) if own is None else talk.send(own)
        except StopIteration as end:
            came_to = end.value
            break
        named = [replace(ask, key=f"{variant.name}{SEPARATOR}{ask.key}") for ask in asks]
        answers = yield named
        own = {ask.key: answers[new.key] for ask, new in zip(asks, named, strict=True)}
        heard += [(ask, own[ask.key]) for ask in asks]
    if not isinstance(came_to, Verdict):
        raise TypeError("only protocols that judge can be audited")
    return Tried(variant.name, trial_of(came_to, heard), came_to.cause)


def cells_of(payload: Mapping[str, Any]) -> dict[str, float]:
    """The cells of a rating or a checklist, "place/criterion" → 0 … 1 (what doesn't apply is left
    out), or of a ranking, see `Trial.cells`. Empty for another payload."""
    if "tiers" in payload:
        return _cells_of_tiers(payload["tiers"], payload["of"])
    if "ratings" in payload:
        ends = payload["scales"]
        return {
            f"{place}/{criterion}": (value - ends[criterion][0])
            / (ends[criterion][1] - ends[criterion][0])
            for place, values in payload["ratings"].items()
            for criterion, value in values.items()
        }
    return {
        f"{place}/{criterion}": float(answer == "yes")
        for place, answers in payload.get("answers", {}).items()
        for criterion, answer in answers.items()
        if answer in ("yes", "no")
    }


def _cells_of_tiers(tiers: Sequence[Sequence[int]], of: int) -> dict[str, float]:
    placed = {place: -float(tier) for tier, places in enumerate(tiers) for place in places}
    below = -float(len(tiers))
    worth = {place: placed.get(place, below) for place in range(of)}
    return order_cells(worth, best_only=len(tiers) == 1 and len(placed) < of)


def trial_of(verdict: Verdict, heard: Sequence[tuple[Ask, Answer]]) -> Trial:
    """A verdict and the calls behind it as a trial."""
    shows = tuple(
        _show(ask.order, answer)
        for ask, answer in heard
        if _is_show(ask) and answer.is_read and isinstance(answer.value, Outcome)
    )
    unread = tuple(
        ask.order.shown[0] for ask, answer in heard if _is_show(ask) and not answer.is_read
    )
    if verdict.outcome is Outcome.GIVEN and verdict.payload is not None:
        lists = tuple(_listing(ask, ans) for ask, ans in heard if ask.shown and ans.is_read)
        return Trial(None, None, shows, unread, cells_of(verdict.payload), lists)
    if verdict.outcome in {Outcome.INVALID, Outcome.GIVEN}:
        return Trial(None, None, shows, unread)
    return Trial(verdict.outcome.number, _p(verdict, shows), shows, unread)


def _is_show(ask: Ask) -> bool:
    """Whether an ask showed the pair itself; one with `shown` may show any two of several."""
    return ask.order is not Order.NONE and not ask.shown


def _listing(ask: Ask, answer: Answer) -> Listing:
    """What one call said of the responses it showed: scores, the number of the best one, or who of
    two is better."""
    said = answer.value
    count = len(ask.shown)
    if isinstance(said, Outcome):
        worth = {0: said.number, 1: -said.number}
    elif isinstance(said, Sequence):
        worth = {slot: float(said[slot]) for slot in range(count)}
    else:
        worth = {slot: float(slot == round(said) - 1) for slot in range(count)}
    return Listing(ask.shown, tuple(by_place(order_cells(worth)).values()))


def _show(order: Order, answer: Answer) -> Show:
    outcome: Outcome = answer.value
    number = outcome.mirrored.number if order is Order.BA else outcome.number
    p = None if answer.p is None else first_wins(answer.p)
    if p is not None and order is Order.BA:
        p = 1 - p
    return Show(order.shown[0], number, p)


def _p(verdict: Verdict, shows: Sequence[Show]) -> float | None:
    """The verdict's own probability, else that of the mean log-odds of calls that have one."""
    if verdict.p_first is not None:
        return verdict.p_first
    told = [logit(show.p) for show in shows if show.p is not None]
    return sigmoid(fmean(told)) if told else None
