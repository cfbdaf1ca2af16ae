"""WildBench reward: five outcomes against a baseline, with the length rule.

Each pair is one of a system's response against a baseline's; the reward of a system is the mean of
+1, +0.5, 0, -0.5, -1 over its pairs, averaged over baselines (three in the paper). A slightly
better response that is more than the limit longer only ties. Both orders are asked and averaged.
"""

from dataclasses import dataclass, replace

from annotation.phrases import say
from models_runtime.judging.options import Options, option
from models_runtime.judging.pairs import ask_pair, games_of, orders_of, reason_of
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.reducers import LENGTH_LIMIT, Game, length_rule, score_mean
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Talk
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.prompting.pairwise import WILD_PAIR
from models_runtime.prompting.templates import Fenced, Part


@dataclass(frozen=True, kw_only=True)
class RewardOptions(Options):
    length_limit: int = option(
        LENGTH_LIMIT,
        "Length limit",
        "A slightly better response that is so many characters longer only ties; -1 for no rule.",
        low=-1,
        high=100_000,
    )
    both_orders: bool = option(True, "Ask in both orders", "Twice the calls.")


class WildBenchReward(JudgingProtocol):
    title = "WildBench reward"
    summary = "Five outcomes against a baseline, guided by the checklist, with the length rule."
    reference = "Lin et al. 2024 (WildBench)"
    judgment_types = frozenset({"pairwise"})
    options_class = RewardOptions
    templates = (WILD_PAIR,)
    uses_criteria = True

    def conduct(self, subject: Subject, options: RewardOptions) -> Talk[Verdict]:
        orders = orders_of(subject, both=options.both_orders)
        before: list[Part] = []
        if subject.criteria:
            listed = "\n".join(f"- {each.text}" for each in subject.criteria)
            before.append(Fenced("CHECKLIST", listed))
        asks = [ask_pair(subject, order, WILD_PAIR, before=before) for order in orders]
        answers = yield asks
        shortened = 0

        def ruled(game: Game) -> Game:
            nonlocal shortened
            lengths = [len(subject.texts[place]) for place in game.order.shown]
            outcome = length_rule(game.outcome, (lengths[0], lengths[1]), options.length_limit)
            shortened += outcome is not game.outcome
            return replace(game, outcome=outcome)

        games = games_of(asks, answers, ruled)
        if isinstance(games, str):
            return invalid(games)
        verdict = score_mean(games)
        number = sum(game.canonical.number for game in games) / len(games)
        return replace(
            verdict,
            reason=reason_of(answers, [ask.key for ask in asks]),
            shown=None if len(orders) > 1 else orders[0].shown,
            detail={"reward": number, "tied_by_length": shortened},
        )

    def cost(self, shape: Shape, options: RewardOptions) -> Cost:
        calls = 2 if options.both_orders else 1
        return Cost.of(calls, say("2 per pair; 6 per response against three baselines"))

    def way(self, options: RewardOptions) -> str:
        return f"length limit {options.length_limit}"


PROTOCOL = WildBenchReward()
