"""Writing better responses by checklist (STICK): refining one, or choosing the best of several.

Pure control flow over asks. The best response is kept, never silently the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models_runtime.judging.checklists import Checked, Passed, check_asks, checked, pass_rate
from models_runtime.judging.subject import Criterion, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.prompting.rating import ANSWER, REFINE
from models_runtime.prompting.replies import NO, prose
from models_runtime.prompting.templates import Fenced


@dataclass(frozen=True, slots=True)
class Draft:
    """A response with what the checklist said of it."""

    text: str
    passed: Passed
    items: dict[int, Checked]

    @property
    def merit(self) -> tuple[float, float, int]:
        """The larger, the better: pass rate, soft pass rate, brevity."""
        rate = -1.0 if self.passed.rate is None else self.passed.rate
        soft = -1.0 if self.passed.soft is None else self.passed.soft
        return rate, soft, -len(self.text)


def ask_answer(subject: Subject, key: str, *, temperature: float, seat: str) -> Ask:
    """Ask for a response to the conversation itself."""
    return Ask(key, subject.conversation, ANSWER, prose, temperature=temperature, seat=seat)


def assess(
    subject: Subject,
    criteria: Sequence[Criterion],
    texts: Sequence[str],
    *,
    way: str,
    prefix: str,
    seat: str = "judge",
) -> Talk[list[Draft]]:
    """Answer the checklist about each text, all in one round."""
    groups = [
        check_asks(
            subject, place, criteria, way=way, text=text, prefix=f"{prefix}{place}/", seat=seat
        )
        for place, text in enumerate(texts)
    ]
    answers = yield [ask for group in groups for ask in group]
    found = [checked(group, answers, criteria, way=way) for group in groups]
    return [
        Draft(text, pass_rate(items, criteria), items)
        for text, items in zip(texts, found, strict=True)
    ]


def lacking(draft: Draft, criteria: Sequence[Criterion]) -> str:
    """The items a draft failed, with the reasons; only these are given back."""
    failed = [each for each in criteria if draft.items[each.position].answer == NO]
    return "\n".join(
        f"- {each.text} No. {draft.items[each.position].why}".rstrip() for each in failed
    )


def refine(
    subject: Subject,
    criteria: Sequence[Criterion],
    *,
    rounds: int,
    way: str = "separate",
    first: str | None = None,
    writer: str = "judge",
    judge: str = "judge",
) -> Talk[list[Draft]]:
    """Write (or take `first`), check, give back what failed, rewrite; at most `rounds` times.

    Ends when everything is passed, nothing failed can be named, or a rewrite can't be had. All
    drafts are returned in order; the one to keep is the best by merit, the earliest of equals.
    """
    text = first
    if text is None:
        answers = yield [ask_answer(subject, "draft-0", temperature=0.7, seat=writer)]
        if not answers["draft-0"].is_read:
            return []
        text = str(answers["draft-0"].value)
    drafts: list[Draft] = []
    for turn in range(rounds + 1):
        (draft,) = yield from assess(
            subject, criteria, [text], way=way, prefix=f"round-{turn}/", seat=judge
        )
        drafts.append(draft)
        failed = lacking(draft, criteria)
        if turn == rounds or draft.passed.rate == 1 or not failed:
            break
        key = f"draft-{turn + 1}"
        parts = [subject.asked, Fenced("RESPONSE", text), Fenced("FOUND LACKING", failed)]
        messages = REFINE.put(parts, f"{subject.secret}:{key}")
        answers = yield [Ask(key, messages, REFINE, prose, temperature=0.7, seat=writer)]
        if not answers[key].is_read:
            break
        text = str(answers[key].value)
    return drafts


def best_of(drafts: Sequence[Draft]) -> int:
    """The place of the best draft: pass rate, soft pass rate, then the shorter, the earlier."""
    return max(range(len(drafts)), key=lambda place: (drafts[place].merit, -place))


def self_correction(before: Sequence[bool], after: Sequence[bool]) -> tuple[float, float]:
    """(CL, CS): how often what was right stays right, and what was wrong becomes right.

    NaN where there was nothing right, or wrong, before.
    """
    kept = [b for a, b in zip(before, after, strict=True) if a]
    mended = [b for a, b in zip(before, after, strict=True) if not a]
    return (
        sum(kept) / len(kept) if kept else float("nan"),
        sum(mended) / len(mended) if mended else float("nan"),
    )


def accuracy_after(before: float, confidence_level: float, critique_score: float) -> float:
    """Acc₂ = Acc₁·CL + (1 - Acc₁)·CS."""
    return before * confidence_level + (1 - before) * critique_score
