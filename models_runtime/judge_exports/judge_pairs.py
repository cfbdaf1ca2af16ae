"""Pairs of judgments to train a judge by (self-rationalization).

Of several samples of one judgment, those that say what people say are chosen, those at `MARGIN` or
more from it rejected; every chosen one is paired with every rejected one. Where people said
nothing, the majority of the samples takes their place, and the row says so.
"""

from collections.abc import Iterator, Sequence

from models_runtime.judge_exports import JudgeExport, Row, Turn

MARGIN = 2.0
CLOSE = 0.5  # a sample says what people say when it is nearer than half a level to their mean
PEOPLE, MAJORITY = "people", "majority"


def paired(
    values: Sequence[float], label: float, *, margin: float = MARGIN
) -> list[tuple[int, int]]:
    """(chosen, rejected) places among samples of these values."""
    chosen = [place for place, value in enumerate(values) if abs(value - label) < CLOSE]
    rejected = [place for place, value in enumerate(values) if abs(value - label) >= margin]
    return [(good, bad) for good in chosen for bad in rejected]


def majority(values: Sequence[float]) -> float | None:
    """The value most samples have; None where two are as common."""
    counts = sorted(((values.count(value), value) for value in set(values)), reverse=True)
    if not counts or (len(counts) > 1 and counts[0][0] == counts[1][0]):
        return None
    return counts[0][1]


class JudgePairs(JudgeExport):
    title = "Pairs of judgments, to train a judge"
    summary = "Preference rows: a judgment that agrees with people beside one that doesn't."
    reference = "Trivedi et al. 2024 (Self-rationalization)"
    fields = (
        "prompt", "chosen", "rejected", "label", "label_source", "people", "chosen_value",
        "rejected_value", "question", "cell", "template", "model",
    )  # fmt: skip

    def rows(self, turns: Sequence[Turn]) -> Iterator[Row]:
        cells: dict[str, list[Turn]] = {}
        for turn in turns:
            if turn.value is not None:
                cells.setdefault(turn.cell, []).append(turn)
        for cell, samples in cells.items():
            values = [turn.value for turn in samples if turn.value is not None]
            people = samples[0].people
            label = majority(values) if people is None else people
            if label is None:
                continue
            for good, bad in paired(values, label):
                yield {
                    "prompt": list(samples[good].messages),
                    "chosen": [{"role": "assistant", "content": samples[good].text}],
                    "rejected": [{"role": "assistant", "content": samples[bad].text}],
                    "label": label,
                    "label_source": MAJORITY if people is None else PEOPLE,
                    "people": samples[good].n,
                    "chosen_value": values[good],
                    "rejected_value": values[bad],
                    "question": samples[good].question,
                    "cell": cell,
                    "template": samples[good].template,
                    "model": samples[good].model,
                }


EXPORT = JudgePairs()
