"""Universal self-consistency as a measurement: the model reads all candidates of a prompt and names
the one that agrees most with the rest.

`consistent` is 1 for that one and 0 for the others; for all where its choice can't be read. The
selector `universal_self_consistency` reads it, and falls back on embeddings in that case. Chen et
al. 2023, arXiv:2311.17311; the words are those of the protocol of the same name.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from models_runtime.engines import Capability
from models_runtime.judging.protocols.universal_consistency import PROTOCOL
from models_runtime.rewards import Bench, Measured, Subject
from models_runtime.rewards._sets import NEEDS, by_protocol
from models_runtime.rewards.reward import NoOptions

WRITTEN = 120  # tokens of a reply, usually


@dataclass(frozen=True)
class MostConsistent:
    title: str = "The candidate most agree with"
    summary: str = "The model reads all candidates of a prompt and names the most consistent one."
    names: tuple[str, ...] = ("consistent",)
    needs: frozenset[Capability] = NEEDS
    partner: str = ""
    of_sets: bool = True
    options_class: type[Any] = field(default=NoOptions)

    def reading(self, prompt: int, text: int, options: NoOptions) -> int:
        return prompt + text  # a prompt stands there once, so this is at most

    def writing(self, candidates: int, options: NoOptions) -> int:
        return candidates * WRITTEN // 2  # one reply a prompt, which has two candidates or more

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: NoOptions
    ) -> Iterator[Measured]:
        return by_protocol(subjects, bench, PROTOCOL, self.names[0], unread=0.0)


SCORER = MostConsistent()
