"""Several judges: votes, weights, run-offs, and what a council is worth. Pure.

Figures follow the Language Model Council: separability, consistency, affinity, agreement with the
majority.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

_CLIP = 0.05


# --- Votes ----------------------------------------------------------------------------------------


def weights_from_agreement(shares: Mapping[str, float]) -> dict[str, float]:
    """A judge's weight is the log-odds of its held-out agreement with people, clipped to
    [0.05, 0.95]; a judge no better than a coin weighs nothing."""
    weights = {}
    for judge, share in shares.items():
        a = min(max(share, _CLIP), 1 - _CLIP)
        weights[judge] = max(0.0, math.log(a / (1 - a)))
    return weights


def majority(votes: Sequence[tuple[int, float]]) -> int:
    """The sign most of the weight stands for: +1, 0 or -1. An even split is 0."""
    sums = {sign: math.fsum(w for vote, w in votes if vote == sign) for sign in (1, 0, -1)}
    best = max(sums.values(), default=0.0)
    winners = [sign for sign, total in sums.items() if math.isclose(total, best, abs_tol=1e-12)]
    return winners[0] if len(winners) == 1 and best > 0 else 0


def own_kin(family: str, families: Sequence[str]) -> bool:
    """Whether a judge of this family would judge a response of its own kin. Unknown families are
    nobody's kin."""
    return bool(family) and family in families


@dataclass(frozen=True, slots=True)
class RunOff:
    """The two that advanced, their votes in the final, and the winner."""

    finalists: tuple[int, ...]
    votes: Mapping[int, int]
    winner: int


def run_off(scores: Sequence[Sequence[float]]) -> RunOff:
    """Two rounds over `scores` (a row per judge, a column per response).

    Each judge votes for its favourite (the lowest place of equals); the two with most votes
    advance, ties by summed score, then by the lowest place. In the final each judge votes between
    the two by its own scores, abstaining where they are equal; a tie goes to the summed score.
    Raises ValueError without a judge.
    """
    if not scores or not scores[0]:
        raise ValueError("a run-off needs judges and responses")
    n = len(scores[0])
    sums = [math.fsum(row[place] for row in scores) for place in range(n)]
    first = [max(range(n), key=lambda place: (row[place], -place)) for row in scores]
    order = sorted(range(n), key=lambda place: (-first.count(place), -sums[place], place))
    finalists = tuple(order[:2])
    if len(finalists) == 1:
        return RunOff(finalists, {finalists[0]: len(scores)}, finalists[0])
    a, b = finalists
    votes = {a: sum(row[a] > row[b] for row in scores), b: sum(row[b] > row[a] for row in scores)}
    winner = max(finalists, key=lambda place: (votes[place], sums[place], -place))
    return RunOff(finalists, votes, winner)


# --- Correlated judges ----------------------------------------------------------------------------


def effective_size(verdicts: Sequence[Sequence[float]]) -> float:
    """n / (1 + (n - 1)·ρ), ρ the mean pairwise correlation of the judges' verdicts (a row each),
    kept within 0 and 1. Two rows that are the same throughout correlate fully."""
    n = len(verdicts)
    if n < 2:
        return float(n)
    rho = fmean(_correlation(x, y) for x, y in combinations(verdicts, 2))
    return n / (1 + (n - 1) * min(max(rho, 0.0), 1.0))


def _correlation(x: Sequence[float], y: Sequence[float]) -> float:
    mx, my = fmean(x), fmean(y)
    cov = math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    vx = math.fsum((a - mx) ** 2 for a in x)
    vy = math.fsum((b - my) ** 2 for b in y)
    if not vx or not vy:
        return float(list(x) == list(y))
    return cov / math.sqrt(vx * vy)


# --- A council's figures --------------------------------------------------------------------------


def separability(intervals: Sequence[tuple[float, float]]) -> float:
    """The share of pairs of contestants whose intervals don't overlap."""
    pairs = list(combinations(intervals, 2))
    apart = sum(a[1] < b[0] or b[1] < a[0] for a, b in pairs)
    return apart / len(pairs) if pairs else 0.0


def consistency(games: Sequence[tuple[int, int]]) -> float:
    """The share of pairs whose verdict survives a swap; signs are in placement positions."""
    return sum(ab == ba for ab, ba in games) / len(games) if games else 0.0


def affinities(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """judge → contestant → how much higher the judge scores it than its mean over all judges, less
    how much higher that judge scores everybody."""
    judges, contestants = list(scores), sorted({c for row in scores.values() for c in row})
    level = {c: fmean(scores[j][c] for j in judges if c in scores[j]) for c in contestants}
    found: dict[str, dict[str, float]] = {}
    for judge in judges:
        raw = {c: scores[judge][c] - level[c] for c in contestants if c in scores[judge]}
        generous = fmean(raw.values()) if raw else 0.0
        found[judge] = {c: value - generous for c, value in raw.items()}
    return found


def agreement_with_majority(verdicts: Mapping[str, Mapping[str, int]]) -> dict[str, float | None]:
    """judge → the share of its verdicts that agree with the majority of the *other* judges, over
    questions on which these have one; None where there is none."""
    found: dict[str, float | None] = {}
    for judge, mine in verdicts.items():
        hits = total = 0
        for question, sign in mine.items():
            others = [
                row[question] for name, row in verdicts.items() if name != judge and question in row
            ]
            counts = {vote: others.count(vote) for vote in set(others)}
            best = [vote for vote, n in counts.items() if n == max(counts.values())]
            if len(best) == 1:
                total += 1
                hits += best[0] == sign
        found[judge] = hits / total if total else None
    return found


# --- Cascades -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Escalation:
    """One question: how unsure the cheap judge was (0 sure, 1 not at all), and whether each judge
    agreed with people."""

    doubt: float
    cheap_agrees: bool
    strong_agrees: bool


@dataclass(frozen=True, slots=True)
class CostPoint:
    """Asking the strong judge where doubt exceeds `threshold`: what it costs per question, in
    units of a cheap judgment, and how often the verdict agrees with people."""

    threshold: float
    share: float
    cost: float
    agreement: float


def cost_line(questions: Sequence[Escalation], *, price: float) -> list[CostPoint]:
    """The cascade's points from never asking the strong judge to always; `price` is what a strong
    judgment costs in cheap ones. Raises ValueError without a question."""
    if not questions:
        raise ValueError("there is no question to draw a cost line from")
    thresholds = [1.0, *sorted({each.doubt for each in questions}, reverse=True), -1.0]
    line: list[CostPoint] = []
    for threshold in dict.fromkeys(thresholds):
        up = [each for each in questions if each.doubt > threshold]
        agrees = sum(
            each.strong_agrees if each.doubt > threshold else each.cheap_agrees
            for each in questions
        )
        share = len(up) / len(questions)
        line.append(CostPoint(threshold, share, 1 + share * price, agrees / len(questions)))
    return line


# --- Strengths ------------------------------------------------------------------------------------

_ROUNDS, _SETTLED = 200, 1e-9


def strengths(
    games: Sequence[tuple[str, str, float]], contestants: Sequence[str], *, prior: float = 0.5
) -> dict[str, float]:
    """Bradley-Terry log-strengths, mean 0, from (first, second, what the first won: 1, ½ or 0).

    Hunter's MM; `prior` drawn games of each pair keep those finite who won or lost everything.
    """
    won = dict.fromkeys(contestants, 0.0)
    met: dict[tuple[str, str], float] = {}
    for a, b in combinations(sorted(contestants), 2):
        met[a, b] = prior
        won[a] += prior / 2
        won[b] += prior / 2
    for first, second, result in games:
        a, b = sorted((first, second))
        met[a, b] += 1
        won[first] += result
        won[second] += 1 - result
    power = dict.fromkeys(contestants, 1.0)
    for _ in range(_ROUNDS):
        shared = dict.fromkeys(contestants, 0.0)
        for (a, b), n in met.items():
            each = n / (power[a] + power[b])
            shared[a] += each
            shared[b] += each
        new = {c: won[c] / shared[c] if shared[c] else 1.0 for c in contestants}
        level = math.exp(fmean(math.log(p) for p in new.values()))
        new = {c: p / level for c, p in new.items()}
        moved = max(abs(math.log(new[c] / power[c])) for c in contestants)
        power = new
        if moved < _SETTLED:
            break
    return {c: math.log(p) for c, p in power.items()}
