"""Who agrees with whom: every two people's answers to the same question, compared. Pure."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from annotation.assignment.agreement import Outcomes, agreement
from annotation.quality.shares import Share, share

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Said:
    """What one annotator said of one question, brought to outcomes."""

    question: int
    annotator: int
    outcomes: Outcomes


@dataclass(slots=True)
class Tally:
    """Agreement summed over the questions two sides have in common."""

    agreeing: float = 0.0
    n: int = 0

    def add(self, value: float) -> None:
        self.agreeing += value
        self.n += 1

    def share(self) -> Share | None:
        return share(min(self.agreeing, self.n), self.n)


@dataclass(frozen=True, slots=True)
class Agreements:
    """Agreement of all, of each with the others, and of each two; and how questions come out.

    `chance` is how often two answers would agree if everybody answered at random as often as all
    did together, None without answers. Questions with two or more answers are `unanimous`, have a
    `majority`'s answer to everything asked, or are `split`.
    """

    overall: Tally = field(default_factory=Tally)
    by_annotator: dict[int, Tally] = field(default_factory=dict)
    by_pair: dict[Pair, Tally] = field(default_factory=dict)
    chance: float | None = None
    unanimous: int = 0
    majority: int = 0
    split: int = 0


def compare(said: Iterable[Said]) -> Agreements:
    """Compare every two people's answers to each question; one person's two answers are not.

    Each question counts once for each two people, as the share of things asked on which they agree.
    """
    by_question: dict[int, list[Said]] = defaultdict(list)
    values: dict[str, Counter[Hashable]] = defaultdict(Counter)
    for each in said:
        by_question[each.question].append(each)
        for thing, value in each.outcomes.items():
            values[_kind(thing)][value] += 1
    overall = Tally()
    of_one: dict[int, Tally] = defaultdict(Tally)
    of_two: dict[Pair, Tally] = defaultdict(Tally)
    endings: Counter[str] = Counter()
    for answers in by_question.values():
        for one, other in combinations(answers, 2):
            if one.annotator == other.annotator:
                continue
            value = agreement(one.outcomes, other.outcomes)
            overall.add(value)
            of_one[one.annotator].add(value)
            of_one[other.annotator].add(value)
            of_two[_pair(one.annotator, other.annotator)].add(value)
        if len(answers) > 1:
            endings[_ending([each.outcomes for each in answers])] += 1
    return Agreements(
        overall,
        dict(of_one),
        dict(of_two),
        _chance(values),
        endings["unanimous"],
        endings["majority"],
        endings["split"],
    )


def disagreement(answers: Sequence[Outcomes]) -> float:
    """The mean of 1 − agreement over every two answers: 0 if all agree; 0 with fewer than two."""
    pairs = list(combinations(answers, 2))
    return sum(1 - agreement(one, other) for one, other in pairs) / len(pairs) if pairs else 0.0


def _pair(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)


def _ending(answers: Sequence[Outcomes]) -> str:
    counts = [
        Counter(answer[thing] for answer in answers if thing in answer)
        for thing in {thing for answer in answers for thing in answer}
    ]
    if all(len(count) == 1 for count in counts):
        return "unanimous"
    decided = all(2 * max(count.values()) > count.total() for count in counts)
    return "majority" if decided else "split"


def _kind(thing: Hashable) -> str:
    return str(thing[0]) if isinstance(thing, tuple) else str(thing)


def _chance(values: dict[str, Counter[Hashable]]) -> float | None:
    """Σ p², by kind of thing asked and weighted by how often it was."""
    total = sum(count.total() for count in values.values())
    if not total:
        return None
    return sum(
        sum((n / count.total()) ** 2 for n in count.values()) * count.total() / total
        for count in values.values()
    )
