"""A small project of every judgment type, with texts that are hard to show; and an empty one."""

from dataclasses import dataclass
from typing import Any

from annotation.content import add_candidate, add_prompt
from annotation.models import (
    Criterion,
    Membership,
    Placement,
    Project,
    ProjectState,
    Prompt,
    Role,
    Rubric,
    User,
)
from annotation.projects import create_project
from annotation.questions import ask
from annotation.steps import Steps

RICH = """# What to do first

Talk to them **on a calm afternoon**, say what you hear and *when*; see [the law](https://a.example).

| Hour | Loudest | Allowed |
|---|--:|--:|
| 22–24 | 48 dB | 35 dB |
| 0–6 | 51 dB | 35 dB |

1. Keep a log: dates, times, how long.
2. Sum it up as $\\bar{L} = 10 \\log_{10} \\frac{1}{n}\\sum_i 10^{L_i/10}$.

```python
def mean_level(levels: list[float]) -> float:
    return 10 * math.log10(sum(10 ** (each / 10) for each in levels) / len(levels))  # in decibel
```

> “Nobody told me”, they'll say. ![the letter](https://a.example/letter.png)
"""
SHORT = "Write to the landlord. That is what they are for."
LONG = "\n\n".join(
    f"{number}. " + "Most people don't know, because it happens while they are out. " * 6
    for number in range(1, 15)
)
UNBROKEN = "https://a.example/" + "a-very-long-address-without-a-space/" * 9 + "X" * 200
ARABIC = "كلب جاري ينبح طوال الليل. ماذا أفعل؟"
ARABIC_ANSWERS = (
    "تحدّث معه أولاً في وقت هادئ، وقل له ما تسمعه ومتى.\n\n- احتفظ بسجل\n- اكتب رسالة",
    "اتصل بالشرطة فوراً.",
)
TALK = [
    {"role": "system", "content": "You are a patient neighbour."},
    {"role": "user", "content": "My neighbour's dog barks all night."},
    {"role": "assistant", "content": "That must be exhausting. Have you talked to them?"},
    {"role": "user", "content": "Twice. What should I do now?"},
]
LONG_NAME = (
    "Rechtsschutzversicherungsgesellschaften and their customers: which of two letters would you "
    "rather receive after an accident that was not your fault, and why (second wave, autumn)"
)
CRITERIA = (
    ("Does it say what to do first?", "A step that can be taken today, not a principle."),
    ("Is it kind to everybody in the story?", ""),
    ("Would it still be right if the person asking had left something out?", "Think of children."),
)


@dataclass(frozen=True)
class Kinds:
    """One project per judgment type, by its name, and further ones."""

    by_type: dict[str, Project]
    hindsight: Project
    empty: Project
    done: Project


def bring_kinds(owner: User, annotator: User) -> Kinds:
    every = Steps(reason="required", confidence="optional", prediction="optional").options()
    made = {
        kind: _project(owner, annotator, kind, options={} if kind == "pairwise" else every)
        for kind in ("pairwise", "checklist", "rating", "ranking", "rewrite", "critique")
    }
    for kind, project in made.items():
        _fill(project, kind)
    hindsight = _project(
        owner, annotator, "pairwise", slug="hindsight", options={"hindsight": True}
    )
    _fill(hindsight, "pairwise")
    Placement.objects.filter(question__project=hindsight).update(
        consequence="The neighbour moved the kennel. It is quiet now, and you greet each other."
    )
    return Kinds(
        made,
        hindsight,
        _project(owner, annotator, "pairwise", slug="empty", name="An empty project"),
        _project(owner, annotator, "pairwise", slug="long-name", name=LONG_NAME),
    )


def _project(owner: User, annotator: User, kind: str, **fields: Any) -> Project:
    usual: dict[str, Any] = {
        "slug": f"kind-{kind}",
        "name": f"Barking dogs, by {kind}",
        "state": ProjectState.OPEN,
        "judgment_type": kind,
        "overlap": 2,
        "guideline": "Read both. Prefer what helps the person who asked.",
    }
    project = create_project(owner=owner, **(usual | fields))
    Membership.objects.create(project=project, user=annotator, role=Role.ANNOTATOR)
    return project


def _fill(project: Project, kind: str) -> None:
    rubric = _rubric(project, kind) if kind in ("checklist", "rating", "critique") else None
    for number, (prompt, texts) in enumerate(_content(project)):
        count = {"rewrite": 1, "critique": 1, "rating": 1, "ranking": 4}.get(kind, 2)
        candidates = [
            add_candidate(prompt=prompt, text=text, external_id=f"{number}-{place}")
            for place, text in enumerate((*texts, SHORT + " Or move.", UNBROKEN)[:count])
        ]
        ask(project=project, candidates=candidates, rubric=rubric, priority=-number)


def _content(project: Project) -> list[tuple[Prompt, tuple[str, str]]]:
    asked: list[tuple[Any, tuple[str, str]]] = [
        (TALK, (RICH, SHORT)),
        (ARABIC, ARABIC_ANSWERS),
        ("What about the dog? " * 60 + UNBROKEN, (LONG, UNBROKEN)),
    ]
    return [
        (add_prompt(project=project, messages=messages, external_id=f"p{number}"), texts)
        for number, (messages, texts) in enumerate(asked)
    ]


def _rubric(project: Project, kind: str) -> Rubric:
    rubric = Rubric.objects.create(project=project, name="Good advice")
    scale = kind == "rating"
    for place, (text, explanation) in enumerate(CRITERIA):
        anchors = {"low": 0, "high": 100} if place == 2 else {"1": "Useless", "5": "Very useful"}
        Criterion.objects.create(
            rubric=rubric,
            position=place,
            text=text,
            explanation=explanation,
            kind="scale" if scale else "yes_no",
            anchors=anchors if scale else {},
        )
    return rubric
