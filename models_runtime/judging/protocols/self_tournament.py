"""Tournament: single elimination by pairwise comparisons, both orders in every match.

The bracket is drawn by hash. A match is won by the mean of both orders' outcomes, so a liking for a
place cancels; one that is even goes to the response drawn first. With an odd number the last one
drawn waits a round. Given to the model that wrote the responses, it is a self-judge tournament.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from models_runtime.judging.options import Options
from models_runtime.judging.pairs import BOTH, ask_pair, games_of, reason_of
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Verdict, invalid, verdict_of_scores
from models_runtime.prompting.pairwise import PAIRWISE_TEMPLATES

REASONED = PAIRWISE_TEMPLATES["reasoned@1"]


class SelfTournament(JudgingProtocol):
    title = "Tournament, both orders in every match"
    summary = "Single elimination; the winner of the last match is best."
    reference = "Single elimination; judging specification §1.9"
    judgment_types = frozenset({"ranking"})
    templates = (REASONED,)

    def conduct(self, subject: Subject, options: Options) -> Talk[Verdict]:
        left = list(subject.shuffled("bracket"))
        wins = dict.fromkeys(subject.places, 0.0)
        reason, round_ = "", 0
        while len(left) > 1:
            matches = list(zip(left[::2], left[1::2], strict=False))
            asks = {match: _asks(subject, round_, match) for match in matches}
            answers = yield [ask for pair in asks.values() for ask in pair]
            winners = []
            for match, pair in asks.items():
                games = games_of(pair, answers)
                if isinstance(games, str):
                    return invalid(games)
                first = fmean(game.canonical.number for game in games) >= 0
                winners.append(match[0] if first else match[1])
                wins[winners[-1]] += 1
                reason = reason_of(answers, [ask.key for ask in pair])
            left = [*(left[-1:] if len(left) % 2 else []), *winners]
            round_ += 1
        wins[left[0]] += len(subject.texts)  # a bye must not leave the winner level with another
        return verdict_of_scores(
            "ranking",
            [wins[place] for place in subject.places],
            best_only=subject.best_only,
            reason=reason,
            detail={"rounds": round_},
        )

    def cost(self, shape: Shape, options: Options) -> Cost:
        return Cost.of(2 * (shape.candidates - 1), "2(N - 1)")


def _asks(subject: Subject, round_: int, match: tuple[int, int]) -> Sequence[Ask]:
    texts = [subject.texts[place] for place in match]
    asks = [
        ask_pair(
            subject,
            order,
            REASONED,
            key=f"round-{round_}/{match[0]}-{match[1]}/{order.value}",
            texts=texts,
        )
        for order in BOTH
    ]
    return [replace(ask, shown=tuple(match[place] for place in ask.order.shown)) for ask in asks]


PROTOCOL = SelfTournament()
