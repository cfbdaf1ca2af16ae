"""Checklists: validating what a model wrote, scoring answers, comparing two. Pure.

The pass rate of a response is sum(w·yes) / sum(w) over the items that were answered yes or no; an
item nobody could read is unknown and left out, and with more than half unknown there is no rate.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from annotation.phrases import say
from models_runtime.judging.subject import Criterion, Subject
from models_runtime.judging.talk import Answer, Answers, Ask
from models_runtime.prompting.rating import CHECK, CHECK_ALL, CHECK_LABEL
from models_runtime.prompting.replies import NO, YES, numbered_answers, yes_or_no
from models_runtime.prompting.templates import Fenced, Part

FEWEST, MOST = 2, 8
ALIKE = 0.9
_JOINT = re.compile(
    r"\band/or\b|\b(?:and|or)\b(?=[^?]*\b(?:is|are|does|do|has|have|can|was)\b)", re.I
)


# --- What a model wrote ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A written checklist: the `items` that can stand, `faults` that call for a new one, `doubts`
    that a person should look at."""

    items: tuple[str, ...]
    faults: tuple[str, ...]
    doubts: tuple[str, ...]


def review(texts: Sequence[str]) -> Reviewed:
    """Check a list of questions: each ends with a question mark, asks one thing, and no two ask
    the same; 2 to 8 in all."""
    items: list[str] = []
    faults: list[str] = []
    doubts: list[str] = []
    for text in (" ".join(each.split()) for each in texts):
        if not text.endswith("?"):
            faults.append(say("“%(text)s” is no question.", text=text))
            continue
        twin = next((kept for kept in items if likeness(kept, text) > ALIKE), None)
        if twin is not None:
            faults.append(say("“%(text)s” asks the same as “%(twin)s”.", text=text, twin=twin))
            continue
        if _JOINT.search(text):
            doubts.append(say("“%(text)s” may ask two things at once.", text=text))
        items.append(text)
    if not FEWEST <= len(items) <= MOST:
        faults.append(
            say(
                "%(items)s usable questions; there should be %(fewest)s to %(most)s.",
                items=len(items),
                fewest=FEWEST,
                most=MOST,
            )
        )
    return Reviewed(tuple(items[:MOST]), tuple(faults), tuple(doubts))


def likeness(first: str, second: str) -> float:
    """The cosine of two texts' word counts, from 0 to 1."""
    counts = [_words(first), _words(second)]
    dot = sum(n * counts[1].get(word, 0) for word, n in counts[0].items())
    norms = [math.sqrt(sum(n * n for n in each.values())) for each in counts]
    return dot / (norms[0] * norms[1]) if all(norms) else 0.0


def _words(text: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in re.findall(r"\w+", text.casefold()):
        counts[word] = counts.get(word, 0) + 1
    return counts


# --- Asking ---------------------------------------------------------------------------------------


def check_asks(
    subject: Subject,
    place: int,
    criteria: Sequence[Criterion],
    *,
    way: str,
    samples: int = 1,
    text: str | None = None,
    prefix: str = "",
    seat: str = "judge",
) -> list[Ask]:
    """The asks that answer a checklist about one response: `way` is "separate" (an ask per item
    and sample), "labelled" (probabilities of yes and no, an ask per item) or "joint" (one ask per
    sample)."""
    response = Fenced("RESPONSE", subject.texts[place] if text is None else text)
    head: list[Part] = [subject.asked, response]
    temperature = 0.0 if samples == 1 else 1.0
    if way == "joint":
        listed = "\n".join(f"{n}. {each.text}" for n, each in enumerate(criteria, 1))
        return [
            Ask(
                key := f"{prefix}place-{place}/{sample}",
                CHECK_ALL.put([*head, Fenced("CHECKLIST", listed)], f"{subject.secret}:{key}"),
                CHECK_ALL,
                numbered_answers(len(criteria)),
                temperature=temperature,
                seat=seat,
            )
            for sample in range(samples)
        ]
    asks = []
    for criterion in criteria:
        parts = [*head, Fenced("REQUIREMENT", criterion.described())]
        for sample in range(1 if way == "labelled" else samples):
            key = f"{prefix}place-{place}/item-{criterion.position}/{sample}"
            secret = f"{subject.secret}:{key}"
            if way == "labelled":
                labels = {"Yes": YES, "No": NO}
                messages = CHECK_LABEL.put(parts, secret)
                asks.append(Ask(key, messages, CHECK_LABEL, labels=labels, seat=seat))
            else:
                messages = CHECK.put(parts, secret)
                asks.append(
                    Ask(key, messages, CHECK, yes_or_no(), temperature=temperature, seat=seat)
                )
    return asks


@dataclass(frozen=True, slots=True)
class Checked:
    """One item's answer: `answer` is None where it is unknown; `p_yes` the share or probability of
    yes; `why` the judge's reason."""

    answer: str | None
    p_yes: float | None
    why: str = ""


def checked(
    asks: Sequence[Ask], answers: Answers, criteria: Sequence[Criterion], *, way: str
) -> dict[int, Checked]:
    """Each item's answer by its position, the majority where there were several samples."""
    found: dict[int, Checked] = {}
    for n, criterion in enumerate(criteria, 1):
        if way == "joint":
            said = [
                answer.value[n]
                for answer in (answers[ask.key] for ask in asks)
                if answer.is_read and n in answer.value
            ]
            found[criterion.position] = _majority(said)
            continue
        mine = [answers[ask.key] for ask in asks if f"/item-{criterion.position}/" in ask.key]
        found[criterion.position] = _one(mine)
    return found


def _one(answers: Sequence[Answer]) -> Checked:
    if answers and answers[0].p is not None:
        answer = answers[0]
        return Checked(answer.value, answer.p["Yes"] if answer.is_read and answer.p else None)
    read = [answer for answer in answers if answer.is_read]
    why = read[0].text.rpartition("Answer:")[0].strip() if read else ""
    told = _majority([str(answer.value) for answer in read])
    return Checked(told.answer, told.p_yes, why)


def _majority(said: Sequence[str]) -> Checked:
    """What most samples said; as many for two answers is unknown."""
    if not said:
        return Checked(None, None)
    counts = {value: said.count(value) for value in set(said)}
    best = max(counts.values())
    winners = [value for value, n in counts.items() if n == best]
    decided = counts.get(YES, 0) + counts.get(NO, 0)
    p_yes = counts.get(YES, 0) / decided if decided else None
    return Checked(winners[0] if len(winners) == 1 else None, p_yes)


# --- Scoring --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passed:
    """`rate` over yes and no, `soft` the weighted mean of p(yes); None with too much unknown."""

    rate: float | None
    soft: float | None
    unknown: int


def pass_rate(found: Mapping[int, Checked], criteria: Sequence[Criterion]) -> Passed:
    """How much of a checklist a response passes. Not applicable counts neither way."""
    unknown = sum(found[each.position].answer is None for each in criteria)
    if 2 * unknown > len(criteria):
        return Passed(None, None, unknown)
    counted = [each for each in criteria if found[each.position].answer in {YES, NO}]
    passed = [each.weight for each in counted if found[each.position].answer == YES]
    total = math.fsum(each.weight for each in counted)
    shares = [(each.weight, p) for each in counted if (p := found[each.position].p_yes) is not None]
    weight = math.fsum(w for w, _ in shares)
    return Passed(
        math.fsum(passed) / total if total else None,
        math.fsum(w * p for w, p in shares) / weight if weight else None,
        unknown,
    )
