"""A self-judge tournament as a measurement: single elimination among all candidates of a prompt,
both orders in every match.

`match_wins` counts the matches a candidate won; the winner of the last one has the number of
candidates on top, so that a bye leaves no two alike. The selector `tournament` reads it. Asked of
the model that wrote the candidates, it judges itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from models_runtime.engines import Capability
from models_runtime.judging.protocols.self_tournament import PROTOCOL
from models_runtime.rewards import Bench, Measured, Subject
from models_runtime.rewards._sets import NEEDS, by_protocol
from models_runtime.rewards.reward import NoOptions

WRITTEN = 200  # tokens of a comparison, usually


@dataclass(frozen=True)
class MatchWins:
    title: str = "Matches won in a tournament"
    summary: str = "The model compares a prompt's candidates in pairs until one is left."
    names: tuple[str, ...] = ("match_wins",)
    needs: frozenset[Capability] = NEEDS
    partner: str = ""
    of_sets: bool = True
    options_class: type[Any] = field(default=NoOptions)

    def reading(self, prompt: int, text: int, options: NoOptions) -> int:
        return 2 * prompt + 4 * text  # 2(N - 1) comparisons of two texts each

    def writing(self, candidates: int, options: NoOptions) -> int:
        return 2 * candidates * WRITTEN

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: NoOptions
    ) -> Iterator[Measured]:
        return by_protocol(subjects, bench, PROTOCOL, self.names[0])


SCORER = MatchWins()
