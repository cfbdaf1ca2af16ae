"""What is put to a judge: a prompt, the responses in their places, and how they are to be judged.
Pure.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from models_runtime.engines import Conversation
from models_runtime.prompting.templates import Fenced, transcript

MOST_LEVELS = 10


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a rubric: answered yes or no, or on a scale from `low` to `high`."""

    position: int
    text: str
    explanation: str = ""
    kind: str = "yes_no"
    weight: float = 1.0
    low: float = 1
    high: float = 5
    step: float = 1
    anchors: Mapping[str, str] = field(default_factory=dict)

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels as labels, lowest first; empty where they are no few single digits."""
        count = round((self.high - self.low) / self.step) + 1
        whole = self.step == int(self.step) and self.low == int(self.low)
        if not whole or count > MOST_LEVELS or self.low < 0 or self.high > 9:
            return ()
        return tuple(str(int(self.low + k * self.step)) for k in range(count))

    def nearest(self, value: float) -> float:
        """The level nearest to `value`; halves go up."""
        steps = int((value - self.low) / self.step + 0.5)
        return min(self.high, self.low + steps * self.step)

    def described(self) -> str:
        """The criterion in words, with what its levels mean."""
        lines = [self.text]
        if self.explanation:
            lines.append(self.explanation)
        if self.kind == "scale":
            lines += [f"{level}: {words}" for level, words in sorted(self.anchors.items())]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Subject:
    """A question as a protocol sees it; positions are placement positions.

    `key` names it for draws that must be the same in every database; `secret` is what fences are
    derived from, `common` the same for what several questions of a job share. `families` and
    `systems` say who wrote the responses, "" where nobody knows: for leaving out a juror's own kin
    and for telling the baseline, never for a prompt. `kin` is the family of the model in each
    seat, by the seat's name.
    """

    key: str
    secret: str
    conversation: Conversation
    common: str = ""
    texts: tuple[str, ...] = ()
    judgment_type: str = "pairwise"
    best_only: bool = False
    criteria: tuple[Criterion, ...] = ()
    reference: str = ""
    families: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    kin: Mapping[str, str] = field(default_factory=dict)

    @property
    def places(self) -> range:
        return range(len(self.texts))

    @property
    def asked(self) -> Fenced:
        return Fenced("CONVERSATION", transcript(self.conversation))

    def response(self, place: int, letter: str = "") -> Fenced:
        label = f"RESPONSE {letter}" if letter else "RESPONSE"
        return Fenced(label, self.texts[place])

    def draw(self, *what: object) -> float:
        """A number in (0, 1) that depends on nothing but this subject and `what`."""
        text = "\x1f".join(map(str, (self.key, *what)))
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        return (int.from_bytes(digest[:8], "big") + 0.5) / 2**64

    def shuffled(self, *what: object) -> tuple[int, ...]:
        """The places in an order drawn by hash."""
        return tuple(sorted(self.places, key=lambda place: self.draw("shuffle", *what, place)))


@dataclass(frozen=True, slots=True)
class Shape:
    """How much there is to judge in a question: what its cost depends on."""

    candidates: int = 2
    criteria: int = 0

    @classmethod
    def of(cls, subject: Subject) -> "Shape":
        return cls(len(subject.texts), len(subject.criteria))
