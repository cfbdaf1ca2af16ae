"""Studies: long talks with models about a whole project, each with one result. Pure; a file each.

A study is to a project what a protocol is to a question: a talk (see `judging.talk`) that yields
rounds of asks and returns what it came to, as JSON. It knows nothing of rows or engines.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from models_runtime.engines import Conversation
from models_runtime.judging.options import Options
from models_runtime.judging.subject import Subject
from models_runtime.judging.talk import Patience, Talk
from models_runtime.prompting.templates import Template

__all__ = ["Material", "Member", "Pair", "Prompt", "Size", "Study"]

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two responses to a prompt and the place of the one that people prefer."""

    key: str
    conversation: Conversation
    texts: tuple[str, str]
    winner: int

    def subject(self, secret: str) -> Subject:
        """The pair as protocols see it."""
        return Subject(
            key=self.key,
            secret=f"{secret}:{self.key}",
            conversation=self.conversation,
            common=secret,
            texts=self.texts,
        )


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt; `references` are responses that are there already, for tools to look things up."""

    key: str
    conversation: Conversation
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A model at the table: its seat, its name, and whose model it is ("" where nobody knows)."""

    seat: str
    name: str
    family: str = ""


@dataclass(frozen=True)
class Material:
    """What a study has to go on. `secret` is what fences and draws are derived from."""

    secret: str
    pairs: tuple[Pair, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Size:
    """How much material there is: what a study costs depends on it."""

    pairs: int = 0
    prompts: int = 0
    members: int = 1
    families: tuple[str, ...] = field(default=())


class Study:
    """One kind of study. Subclasses set what is declared here and write `conduct` and `cost`.

    `takes` names the material, "pairs" that people have judged or "prompts". `seats` are the models
    it asks by name, the first being the job's own; a study of `members` seats any number instead.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str]
    takes: ClassVar[str]
    fewest: ClassVar[int] = 1  # pieces of material
    fewest_members: ClassVar[int] = 0  # 0: no members but named seats
    most: ClassVar[int] = 500
    options_class: ClassVar[type[Options]] = Options
    templates: ClassVar[tuple[Template, ...]]
    seats: ClassVar[Mapping[str, str]] = {"judge": "The model that is asked"}

    def conduct(self, material: Material, options: Any) -> Talk[Result]:
        """Carry it out; see `talk`."""
        raise NotImplementedError

    def cost(self, size: Size, options: Any) -> tuple[int, int]:
        """Calls, at least and at most, without repairs and new attempts."""
        raise NotImplementedError

    def check(self, options: Any, material: Material) -> None:
        """Raise ValueError with a sentence where the study makes no sense of its material."""

    def patience(self, options: Options) -> Patience:
        return Patience(options.reasks, options.repairs)
