"""What answers say, brought to a form in which two of them can be compared."""

from collections.abc import Hashable, Mapping, Sequence

from annotation.evidence import Comparison, Evidence, Label, Ranking, Rating

Outcomes = Mapping[Hashable, Hashable]


def outcomes(evidence: Sequence[Evidence]) -> Outcomes:
    """One outcome per thing asked: who wins a pair, a criterion's answer, a rating, an order.

    How strongly a winner wins is left out, and so is the kind of a tie: people who agree on the
    winner agree.
    """
    return dict(_outcome(each) for each in evidence)


def _outcome(evidence: Evidence) -> tuple[Hashable, Hashable]:
    match evidence:
        case Comparison(a, b, strength):
            return ("pair", a, b), (strength > 0) - (strength < 0)
        case Label(candidate, criterion, answer):
            return ("label", candidate, criterion), str(answer)
        case Rating(candidate, criterion, value):
            return ("rating", candidate, criterion), value
        case Ranking(tiers, shown):
            return ("ranking", shown), tuple(tuple(sorted(tier)) for tier in tiers)


def agreement(one: Outcomes, other: Outcomes) -> float:
    """The share of things asked in both on which they say the same; 0 if nothing is in both."""
    both = one.keys() & other.keys()
    return sum(one[key] == other[key] for key in both) / len(both) if both else 0.0
