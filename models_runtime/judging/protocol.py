"""What every protocol declares, and what it costs. Pure; one file per protocol in `protocols`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from models_runtime.engines import Capability
from models_runtime.judging.options import Options
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Patience, Talk
from models_runtime.judging.verdicts import Outcomes
from models_runtime.prompting.templates import Template


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls for one question, without repairs and new attempts: at least and at most.

    `formula` says it in letters: N responses, K criteria, k samples, T turns, J judges.
    """

    fewest: int
    most: int
    formula: str

    @classmethod
    def of(cls, calls: int, formula: str) -> "Cost":
        return cls(calls, calls, formula)

    @property
    def is_fixed(self) -> bool:
        return self.fewest == self.most


class JudgingProtocol:
    """A way of judging. Subclasses set what is declared here and write `conduct` and `cost`.

    `judgment_types` are the kinds of questions it answers; empty for a protocol that makes
    something for a prompt instead (`makes` says what: "criteria" or "responses"). `seats` names the
    models it asks, the first of which signs the judgment.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str]
    judgment_types: ClassVar[frozenset[str]]
    options_class: ClassVar[type[Options]] = Options
    templates: ClassVar[tuple[Template, ...]]
    seats: ClassVar[Mapping[str, str]] = {"judge": "The model that judges"}
    makes: ClassVar[str] = ""
    needs_criteria: ClassVar[str] = ""  # "yes_no" or "scale" where it needs a rubric of that kind
    uses_criteria: ClassVar[bool] = False  # shows a prompt's checklist where there is one
    simulates: ClassVar[bool] = False  # its annotators are invented people, and said to be
    plans: ClassVar[bool] = False  # whether solving more may be the better use of its calls

    def conduct(self, subject: Subject, options: Any) -> Talk[Outcomes]:
        """Judge one question; see `talk`."""
        raise NotImplementedError

    def cost(self, shape: Shape, options: Any) -> Cost:
        """Calls for one question of this shape. The contract test counts them."""
        raise NotImplementedError

    def needs(self, options: Any) -> frozenset[Capability]:
        """What the engine behind every seat must be able to do."""
        return frozenset({Capability.GENERATE})

    def check(self, options: Any) -> None:
        """Raise OptionRefused where options don't go together."""

    def way(self, options: Any) -> str:
        """The options that matter, in a few words, for the name of the annotator."""
        given = options.given()
        return ", ".join(f"{name}={value}" for name, value in sorted(given.items()))

    def patience(self, options: Options) -> Patience:
        return Patience(options.reasks, options.repairs)
