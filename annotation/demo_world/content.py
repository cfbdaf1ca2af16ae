"""The written part of the demo world: questions, answers and their planted qualities. Pure."""

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
SYSTEMS = ("Tarn", "Willowby", "Ostler", "Meridon")  # invented; no such systems exist


@dataclass(frozen=True, slots=True)
class Qualities:
    """What was planted in an answer, each in [0, 1]. Known to the simulation, never shown."""

    directness: float
    warmth: float
    caution: float
    thoroughness: float

    def __post_init__(self) -> None:
        for name, value in self.items():
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, not {value}")

    def items(self) -> list[tuple[str, float]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]

    def centred(self) -> tuple[float, ...]:
        """The qualities minus 0.5, in declared order."""
        return tuple(value - 0.5 for _, value in self.items())


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, attributed to one of the invented systems. Its id doesn't tell which."""

    external_id: str
    system: str
    text: str
    qualities: Qualities


@dataclass(frozen=True, slots=True)
class DemoPrompt:
    """One question with its answers. `factual`: nobody's feelings or interests are at stake."""

    external_id: str
    topic: str
    language: str
    text: str
    factual: bool
    answers: tuple[Answer, ...]

    def as_messages(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": self.text}]


@dataclass(frozen=True, slots=True)
class DemoCriterion:
    """One line of the demo checklist.

    `weights` says which planted qualities make a simulated person answer yes; `personal`: it can
    only be asked where people are involved, so a factual question makes it not applicable.
    """

    text: str
    explanation: str
    weights: dict[str, float]
    personal: bool


@cache
def demo_prompts() -> tuple[DemoPrompt, ...]:
    """All questions, in the order of their files and within them."""
    return tuple(
        _prompt(entry, topic=document["topic"])
        for path in sorted((FOLDER / "questions").glob("*.toml"))
        for document in [_read(path)]
        for entry in document["prompt"]
    )


@cache
def demo_criteria() -> tuple[DemoCriterion, ...]:
    return tuple(
        DemoCriterion(
            text=entry["text"],
            explanation=entry["explanation"],
            weights=dict(entry["weights"]),
            personal=entry.get("personal", False),
        )
        for entry in _read(FOLDER / "checklist.toml")["criterion"]
    )


def guideline_text(name: str) -> str:
    """The guidelines of a demo project, in Markdown: "pairwise" or "checklist"."""
    return (FOLDER / f"guidelines_{name}.md").read_text(encoding="utf-8")


def _prompt(entry: dict[str, Any], *, topic: str) -> DemoPrompt:
    return DemoPrompt(
        external_id=entry["id"],
        topic=topic,
        language=entry.get("language", "en"),
        text=entry["text"],
        factual=entry.get("factual", False),
        answers=tuple(
            _answer(f"{entry['id']}/{place}", answer)
            for place, answer in enumerate(entry["answer"], 1)
        ),
    )


def _answer(external_id: str, entry: dict[str, Any]) -> Answer:
    if entry["system"] not in SYSTEMS:
        raise ValueError(f"{external_id}: unknown system {entry['system']!r}")
    return Answer(
        external_id=external_id,
        system=entry["system"],
        text=entry["text"],
        qualities=Qualities(**entry["qualities"]),
    )


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
