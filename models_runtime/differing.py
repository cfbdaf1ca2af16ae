"""Candidates of a job that must differ: what is there, how to ask for another, what may stay."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from django.db.models import F

from annotation.models import Prompt
from models_runtime.diversity import Matrix
from models_runtime.engines import Conversation, Engine
from models_runtime.models import Generation, GenerationItem, GenerationJob, ItemState
from models_runtime.novelty import MOST_SHOWN, Rule, fault_of
from models_runtime.prompting.prompts import DIFFERENT
from models_runtime.prompting.templates import Fenced, transcript


class Vectors:
    """The vectors of texts by a model, each asked for once while a shift lasts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, Matrix] = {}

    def of(self, texts: Iterable[str]) -> Mapping[str, Matrix]:
        """The vectors by text, these and those known before. Raises EngineError."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        made = self._engine.vectors(missing)
        for text, vector in zip(missing, made, strict=True):
            self._known[text] = np.asarray(vector, dtype=np.float64)
        return self._known


def rounds_of(items: Sequence[GenerationItem]) -> list[list[GenerationItem]]:
    """The items in rounds that hold each prompt once, in their order."""
    rounds: list[list[GenerationItem]] = []
    seen: dict[int, int] = defaultdict(int)
    for item in sorted(items, key=lambda each: (each.index, each.pk)):
        nth = seen[item.prompt_id]
        seen[item.prompt_id] += 1
        if nth == len(rounds):
            rounds.append([])
        rounds[nth].append(item)
    return rounds


def kept_texts(job: GenerationJob, items: Sequence[GenerationItem]) -> dict[int, list[str]]:
    """What the job has written so far for these items' prompts, by prompt, in the order of their
    numbers."""
    kept: dict[int, list[str]] = defaultdict(list)
    rows = Generation.objects.filter(job=job, prompt__in={item.prompt_id for item in items})
    for prompt, text in rows.order_by("index").values_list("prompt_id", "candidate__text"):
        kept[prompt].append(text)
    return kept


def ask_differently(
    asked: Conversation, others: Sequence[str], rule: Rule, index: int, *, secret: str
) -> Conversation:
    """Show the newest of what is there and ask for something else, on the axis of this number."""
    axes = [axis.strip() for axis in rule.axis.split(",") if axis.strip()]
    shown = [Fenced(f"ANSWER {n}", text) for n, text in enumerate(others[-MOST_SHOWN:], 1)]
    parts = [Fenced("CONVERSATION", transcript(asked)), *shown]
    return DIFFERENT.put(parts, secret, axis=axes[index % len(axes)])


def sort_out(
    job: GenerationJob,
    rule: Rule,
    texts: Sequence[tuple[GenerationItem, str]],
    vectors: Vectors | None = None,
) -> tuple[list[int], list[int], list[int]]:
    """Ids of the items whose text may stay, of those among them that repeat others but have been
    asked for often enough, and of those to be asked for again.

    Call inside a transaction; the prompts' rows are locked, so that workers with candidates of one
    prompt look one after the other.
    """
    prompts = {item.prompt_id for item, _ in texts}
    list(
        Prompt.objects.select_for_update(no_key=True)
        .filter(pk__in=prompts)
        .order_by("pk")
        .values("pk")
    )
    kept = kept_texts(job, [item for item, _ in texts])
    known = vectors.of(_all(texts, kept)) if vectors else {}
    stay, repeats, again = [], [], []
    for item, text in sorted(texts, key=lambda pair: pair[0].index):
        others = kept[item.prompt_id]
        theirs = np.stack([known[each] for each in (*others, text)]) if known else None
        fault = fault_of(text, others, rule, theirs)
        if fault is not None and item.asked_again < rule.tries:
            again.append(item.pk)
            continue
        if fault is not None:
            repeats.append(item.pk)
        stay.append(item.pk)
        kept[item.prompt_id].append(text)
    return stay, repeats, again


def foresee(
    job: GenerationJob, texts: Sequence[tuple[GenerationItem, str]], vectors: Vectors
) -> None:
    """Ask for the vectors that `sort_out` will need, as far as they can be known before it holds
    its locks. Raises EngineError."""
    vectors.of(_all(texts, kept_texts(job, [item for item, _ in texts])))


def _all(
    texts: Sequence[tuple[GenerationItem, str]], kept: Mapping[int, Sequence[str]]
) -> list[str]:
    return [*(text for _, text in texts), *(each for group in kept.values() for each in group)]


def ask_again(item: GenerationItem) -> None:
    """Put a held row back. The attempt doesn't count."""
    GenerationItem.objects.filter(pk=item.pk).update(
        state=ItemState.READY,
        worker="",
        lease_until=None,
        attempt=F("attempt") - 1,
        asked_again=F("asked_again") + 1,
    )


def repeats_of(job: GenerationJob) -> Mapping[str, int]:
    """How many candidates were asked for again, how often in all, and how many still repeat."""
    rows = Generation.objects.filter(job=job, asked_again__gt=0)
    times = sum(rows.values_list("asked_again", flat=True))
    repeats = Generation.objects.filter(job=job, is_repeat=True).count()
    return {"candidates": rows.count(), "times": times, "repeats": repeats}
