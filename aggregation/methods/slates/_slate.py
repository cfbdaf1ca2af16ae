"""What rules for slates share: reading ballots, leaving out unseen items, ties, certificates.

A slate's result: `committees` are all winning slates (several where they tie), `winners` every item
of one of them, and score = share of the winning slates that hold the item: 1 has a seat in all, 0
in none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.slates.approvals import Approvals, Floats, Longs, public_order
from aggregation.slates.certificates import report
from aggregation.slates.equal_shares import Shares
from aggregation.slates.item_values import said
from aggregation.slates.thiele import Optimum
from aggregation.slates.ties import Committee, Slates
from aggregation.tables import Ballots
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say


class Reading(Protocol):
    """What `elect` asks of a rule's options."""

    @property
    def approved(self) -> int: ...

    @property
    def ties(self) -> Literal["all", "draw"]: ...

    @property
    def seed(self) -> int: ...

    def seats_among(self, n_items: int) -> int: ...


@dataclass(frozen=True, kw_only=True)
class ApprovalOptions(Options):
    approved: int = option(
        1, "Approved tiers", "How many of the best tiers of a ballot count as approved.", low=1
    )
    ties: Literal["all", "draw"] = option(
        "all", "Tied slates", "List all of them, or draw one in the public order of the seed."
    )

    def seats_among(self, n_items: int) -> int:
        """How many items may be chosen of so many."""
        return n_items


@dataclass(frozen=True, kw_only=True)
class SlateOptions(ApprovalOptions):
    seats: int = option(3, "Seats", "How many items the slate holds.", low=1, high=1000)

    def seats_among(self, n_items: int) -> int:
        return min(self.seats, n_items)


@dataclass(frozen=True, eq=False)
class Contest:
    """What a rule sees: the voters, over the items that were shown to anybody.

    priority   places of the items in the public order of the seed
    members    the items' indices in the table
    """

    votes: Approvals
    ballots: Ballots
    ids: tuple[Any, ...]
    members: Longs
    priority: Longs
    seats: int


@dataclass(frozen=True, eq=False)
class Choice:
    """A rule's answer over the contest's items; `chances` make it a lottery over the slates, and
    `shares` tell how a slate was bought.
    """

    slates: Slates
    chances: tuple[float, ...] = ()
    score: Floats | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    shares: Mapping[Committee, Shares] = field(default_factory=dict)
    axioms: dict[str, Any] | None = None
    warnings: tuple[ResultWarning, ...] = ()
    converged: bool = True
    by_rankings: bool = False  # read the ballots themselves, not approvals made of them


def elect(ballots: Ballots, options: Reading, rule: Callable[[Contest], Choice]) -> Estimate:
    """Apply a rule for slates to the items that somebody was shown."""
    full = ballots.completed()
    levels, weight = full.profile
    seen = np.asarray((levels[weight > 0] >= 0).any(axis=0), dtype=np.bool_)
    members = np.flatnonzero(seen).astype(np.int64)
    found: list[ResultWarning] = []
    if len(members) < len(seen):
        absent = [ballots.ids[i] for i in np.flatnonzero(~seen)]
        code = WarningCode.UNSEEN_ITEMS if len(members) else WarningCode.EMPTY
        found.append(warn(code, say("%(n)s items", n=len(absent)), absent))
    score = np.full(len(seen), np.nan)
    if not len(members):
        found.append(warn(WarningCode.EMPTY, say("no judgments")))
        return Estimate(score, "share", winners=(), warnings=tuple(found))
    contest = _contest(full, members, options)
    choice = rule(contest)
    shown, record = _settled(choice, contest, options)
    found += [*choice.warnings, *_tie_warnings(choice, shown, contest)]
    chances = np.array(choice.chances or [1 / len(shown)] * len(shown))
    score[members] = _shares(shown, chances, len(members))
    if choice.score is not None:
        score[members] = choice.score
    axioms = choice.axioms
    if axioms is None:
        wanted = options.seats if isinstance(options, SlateOptions) else contest.seats
        axioms = report(contest.votes, shown, wanted)
    return Estimate(
        score=score,
        score_kind="probability" if choice.chances or choice.score is not None else "share",
        winners=tuple(sorted({int(members[c]) for slate in shown for c in slate})),
        committees=tuple(tuple(int(members[c]) for c in slate) for slate in shown),
        committee_probs=choice.chances,
        tie_break=record,
        axioms=_in_words(axioms, contest),
        fit=Fit(
            n_obs=len(ballots),
            converged=choice.converged,
            parameters=choice.parameters | _purchases(choice.shares.get(shown[0]), contest),
        ),
        conversions=() if choice.by_rankings else _conversion(levels, options),
        warnings=tuple(found),
    )


def _contest(full: Ballots, members: Longs, options: Reading) -> Contest:
    ids = tuple(full.ids[int(m)] for m in members)
    return Contest(
        votes=Approvals.from_ballots(full, options.approved).take(members),
        ballots=full,
        ids=ids,
        members=members,
        priority=public_order(ids, options.seed),
        seats=options.seats_among(len(members)),
    )


def _conversion(levels: NDArray[Any], options: Reading) -> tuple[str, ...]:
    if levels.max(initial=0) > 1:
        return (_approvals(options.approved),)
    return ()


def _approvals(tiers: int) -> str:
    if tiers == 1:
        return say("rankings into approvals of the first tier")
    return say("rankings into approvals of the first %(n)s tiers", n=tiers)


def _settled(
    choice: Choice, contest: Contest, options: Reading
) -> tuple[tuple[Committee, ...], dict[str, Any] | None]:
    """The slates to show and, where one was drawn from several, how."""
    listed = choice.slates.committees
    draw = options.ties == "draw" and len(listed) > 1 and not choice.chances
    if choice.slates.complete and not draw:
        return listed, None
    first = min(listed, key=lambda slate: sorted(contest.priority[list(slate)].tolist()))
    order = np.argsort(contest.priority)
    record = {
        "rule": "first slate in the order of SHA-256 of 'seed|item'",
        "seed": options.seed,
        "order": [str(contest.ids[int(place)]) for place in order],
        "tied": len(listed) if choice.slates.complete else None,
    }
    return (first,), record


def _tie_warnings(
    choice: Choice, shown: Sequence[Committee], contest: Contest
) -> list[ResultWarning]:
    found: list[ResultWarning] = []
    if not choice.slates.complete:
        found.append(
            warn(
                WarningCode.TIE_UNRESOLVED, say("not all slates as good are listed; one was drawn")
            )
        )
    elif len(shown) > 1 and not choice.chances:
        found.append(
            warn(WarningCode.TIE_UNRESOLVED, say("%(shown)s equally good slates", shown=len(shown)))
        )
    return found


def _shares(slates: Sequence[Committee], chances: Floats, n_items: int) -> Floats:
    share = np.zeros(n_items)
    for slate, chance in zip(slates, chances, strict=True):
        share[list(slate)] += chance
    return np.minimum(share, 1.0)


def _purchases(shares: Shares | None, contest: Contest) -> dict[str, Any]:
    """What was bought for the first slate, in order; items by id, as in witnesses."""
    if shares is None:
        return {}
    bought = [asdict(each) | {"item": said(contest.ids[each.item])} for each in shares.purchases]
    return {"held": shares.held, "purchases": bought}


def _in_words(axioms: dict[str, Any], contest: Contest) -> dict[str, Any]:
    """Witnesses speak of items by id."""

    def named(value: dict[str, Any]) -> dict[str, Any]:
        plain = dict(value)
        if "witness" in plain:
            witness = dict(plain["witness"])
            if "item" in witness:
                witness["item"] = str(contest.ids[int(witness["item"])])
            plain["witness"] = witness
        if "slate" in plain:
            plain["slate"] = [str(contest.ids[int(c)]) for c in plain["slate"]]
        return plain

    return {name: named(value) for name, value in axioms.items()}


def unfilled(contest: Contest, wanted: int, slates: Slates) -> tuple[ResultWarning, ...]:
    """The warning of a slate with fewer items than seats."""
    short = wanted - min((len(slate) for slate in slates.committees), default=0)
    if short <= 0:
        return ()
    return (warn(WarningCode.SEATS_UNFILLED, f"{short} of {wanted}"),)


def optimal(found: Optimum, contest: Contest, wanted: int) -> Choice:
    """The answer of a rule that maximises a number, with its gap."""
    told: list[ResultWarning] = list(unfilled(contest, wanted, found.slates))
    if found.gap > 0:
        told.append(
            warn(
                WarningCode.NP_HARD_TRUNCATED,
                say("up to %(gap)s more possible", gap=f"{found.gap:g}"),
            )
        )
    return Choice(
        found.slates,
        parameters={"value": found.value, "gap": found.gap},
        warnings=tuple(told),
    )
