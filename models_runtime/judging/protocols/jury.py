"""A jury of models from different families (PoLL): each judges in both orders, then they vote.

A juror is left out where a response is by its own family. Pairs are decided by majority, equally or
weighted by the log-odds of agreement with people; an even split is a tie. With fewer than half of
the jurors readable there is no verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from annotation.phrases import say
from models_runtime.judging.councils import majority, own_kin, weights_from_agreement
from models_runtime.judging.options import OptionRefused, Options, option
from models_runtime.judging.pairs import BOTH, ask_pair, games_of, reason_of
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.reducers import both_orders
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Verdict, invalid, verdict_of_outcome
from models_runtime.outcomes import Outcome
from models_runtime.prompting.pairwise import PAIRWISE_TEMPLATES

REASONED = PAIRWISE_TEMPLATES["reasoned@1"]
FURTHER = ("juror_2", "juror_3", "juror_4", "juror_5", "juror_6", "juror_7")
OUTCOMES = {1: Outcome.FIRST, 0: Outcome.TIE, -1: Outcome.SECOND}


@dataclass(frozen=True, kw_only=True)
class JuryOptions(Options):
    jurors: int = option(3, "Jurors", "Seats that vote, the first ones.", low=2, high=7)
    excludes_kin: bool = option(
        True, "Leave out own family", "A juror doesn't judge responses by its own family."
    )
    agreement: str = option(
        "",
        "Agreement with people",
        "“learned”: from the pairs each juror and people have judged here; or as 0.8, 0.7, 0.75. "
        "Empty: equal weights.",
    )

    def shares(self) -> list[float]:
        """The agreement of each juror; empty for equal weights. Raises OptionRefused."""
        if not self.agreement.strip():
            return []
        try:
            shares = [float(each) for each in self.agreement.split(",")]
        except ValueError as error:
            raise OptionRefused(
                "agreement", say("Write shares from 0 to 1, with commas.")
            ) from error
        if len(shares) != self.jurors or not all(0 <= share <= 1 for share in shares):
            raise OptionRefused(
                "agreement",
                say(
                    "Write one share from 0 to 1 for each of the %(jurors)s jurors.",
                    jurors=self.jurors,
                ),
            )
        return shares


class Jury(JudgingProtocol):
    title = "Jury of models"
    summary = "Several models vote; none judges a response of its own family."
    reference = "Verga et al. 2024 (PoLL); Zhao et al. 2024 (Language Model Council)"
    judgment_types = frozenset({"pairwise"})
    options_class = JuryOptions
    templates = (REASONED,)
    seats = {"judge": "First juror"} | {
        name: f"Juror {number}" for number, name in enumerate(FURTHER, 2)
    }

    def conduct(self, subject: Subject, options: JuryOptions) -> Talk[Verdict]:
        jurors = list(self.seats)[: options.jurors]
        weights = _weights(jurors, options)
        sitting = [
            seat
            for seat in jurors
            if not (options.excludes_kin and own_kin(subject.kin.get(seat, ""), subject.families))
        ]
        if not sitting:
            return invalid("every juror is of a response's own family")
        asks: Mapping[str, list[Ask]] = {
            seat: [
                ask_pair(subject, order, REASONED, key=f"{seat}/{order.value}", seat=seat)
                for order in BOTH
            ]
            for seat in sitting
        }
        answers = yield [ask for group in asks.values() for ask in group]
        outcomes: dict[str, Outcome] = {}
        for seat, group in asks.items():
            games = games_of(group, answers)
            if not isinstance(games, str):
                outcomes[seat] = both_orders(games).outcome
        if 2 * len(outcomes) < len(sitting) or not outcomes:
            return invalid(f"{len(outcomes)} of {len(sitting)} jurors could be read")
        detail = {
            "votes": {seat: outcome.value for seat, outcome in outcomes.items()},
            "left_out": [seat for seat in jurors if seat not in sitting],
        }
        reason = reason_of(answers, [ask.key for group in asks.values() for ask in group])
        if all(outcome is Outcome.BOTH_BAD for outcome in outcomes.values()):
            return verdict_of_outcome(Outcome.BOTH_BAD, detail=detail, reason=reason)
        votes = [(_sign(outcome), weights[seat]) for seat, outcome in outcomes.items()]
        total = sum(weight for _, weight in votes)
        decided = majority(votes)
        share = sum(weight for sign, weight in votes if sign == decided) / total if total else None
        return verdict_of_outcome(OUTCOMES[decided], detail=detail, reason=reason, confidence=share)

    def cost(self, shape: Shape, options: JuryOptions) -> Cost:
        most = 2 * options.jurors
        return Cost(0 if options.excludes_kin else most, most, say("2·J, less for jurors left out"))

    def check(self, options: JuryOptions) -> None:
        options.shares()

    def way(self, options: JuryOptions) -> str:
        weighted = ", weighted" if options.agreement.strip() else ""
        return f"{options.jurors} jurors{weighted}"


def _weights(jurors: list[str], options: JuryOptions) -> dict[str, float]:
    shares = options.shares()
    if not shares:
        return dict.fromkeys(jurors, 1.0)
    return weights_from_agreement(dict(zip(jurors, shares, strict=True)))


def _sign(outcome: Outcome) -> int:
    return (outcome.number > 0) - (outcome.number < 0)


PROTOCOL = Jury()
