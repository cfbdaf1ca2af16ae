"""Run-off: a council scores all responses, its favourites' best two meet in a final.

Each juror scores every response of a ranking question in one call, in an order of its own. Round
one counts favourites; in round two each juror votes between the two by its own scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models_runtime.judging.councils import run_off
from models_runtime.judging.options import Options, option
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.outcomes import Outcome
from models_runtime.prompting.replies import scores
from models_runtime.prompting.rewards import PRINCIPLES
from models_runtime.prompting.templates import Fenced, Part

LOW, HIGH = 1, 10
FURTHER = ("juror_2", "juror_3", "juror_4", "juror_5", "juror_6", "juror_7")


@dataclass(frozen=True, kw_only=True)
class RunOffOptions(Options):
    jurors: int = option(3, "Jurors", "Seats that vote, the first ones.", low=1, high=7)


class RunOffVote(JudgingProtocol):
    title = "Run-off of a jury"
    summary = "Jurors score all responses; the two with most favourites meet in a final."
    reference = "Two-round voting; judging specification §1.6"
    judgment_types = frozenset({"ranking"})
    options_class = RunOffOptions
    templates = (PRINCIPLES,)
    seats = {"judge": "First juror"} | {
        name: f"Juror {number}" for number, name in enumerate(FURTHER, 2)
    }

    def conduct(self, subject: Subject, options: RunOffOptions) -> Talk[Verdict]:
        jurors = list(self.seats)[: options.jurors]
        orders = {seat: subject.shuffled(seat) for seat in jurors}
        asks = [_ask(subject, seat, order) for seat, order in orders.items()]
        answers = yield asks
        rows = []
        for seat in jurors:
            answer = answers[seat]
            if answer.is_read:
                by_place = dict(zip(orders[seat], answer.value, strict=True))
                rows.append([float(by_place[place]) for place in subject.places])
        if not rows or 2 * len(rows) < len(jurors):
            return invalid(f"{len(rows)} of {len(jurors)} jurors could be read")
        drawn = subject.shuffled("ties")  # what is even must not depend on placement
        decided = run_off([[row[place] for place in drawn] for row in rows])
        votes = {drawn[column]: count for column, count in decided.votes.items()}
        winner = drawn[decided.winner]
        tiers = [[winner]] if subject.best_only else _tiers(rows, votes, winner)
        return Verdict(
            Outcome.GIVEN,
            {"tiers": tiers, "of": len(subject.texts)},
            detail={"scores": rows, "final": {str(place): votes[place] for place in votes}},
        )

    def cost(self, shape: Shape, options: RunOffOptions) -> Cost:
        return Cost.of(options.jurors, "J")

    def way(self, options: RunOffOptions) -> str:
        return f"{options.jurors} jurors"


def _tiers(
    rows: Sequence[Sequence[float]], votes: Mapping[int, int], winner: int
) -> list[list[int]]:
    """The finalists, then the rest by summed scores. Those that nothing tells apart share a tier:
    finalists with as many votes and the same sum, others with the same sum."""
    sums = [sum(row[place] for row in rows) for place in range(len(rows[0]))]
    finalists = sorted(votes, key=lambda place: place != winner)
    even = len({(votes[place], sums[place]) for place in finalists}) == 1
    tiers = [sorted(finalists)] if even else [[place] for place in finalists]
    rest = [place for place in range(len(sums)) if place not in votes]
    for value in sorted({sums[place] for place in rest}, reverse=True):
        tiers.append([place for place in rest if sums[place] == value])
    return tiers


def _ask(subject: Subject, seat: str, order: tuple[int, ...]) -> Ask:
    parts: list[Part] = [subject.asked]
    parts += [
        Fenced(f"RESPONSE {number}", subject.texts[place]) for number, place in enumerate(order, 1)
    ]
    messages = PRINCIPLES.put(parts, f"{subject.secret}:{seat}")
    return Ask(seat, messages, PRINCIPLES, scores(len(order), LOW, HIGH), seat=seat, shown=order)


PROTOCOL = RunOffVote()
