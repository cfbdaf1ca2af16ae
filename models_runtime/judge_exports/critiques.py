"""Critiques and reasoned judgments as data to train a critic by: what was asked, what was written,
what it came to, and what people say of the same."""

from collections.abc import Iterator, Sequence

from models_runtime.judge_exports import JudgeExport, Row, Turn

LEAST_WORDS = 5  # fewer are a verdict, no critique


class Critiques(JudgeExport):
    title = "Critiques, to train a critic"
    summary = "Every critique and reasoned judgment as prompt and completion, with people's score."
    reference = "Zhang et al. 2025 (MM-RLHF); Yang et al. 2025 (DeepCritic)"
    fields = (
        "prompt", "completion", "value", "label", "people", "question", "cell", "template", "model",
    )  # fmt: skip

    def rows(self, turns: Sequence[Turn]) -> Iterator[Row]:
        for turn in turns:
            if len(turn.text.split()) >= LEAST_WORDS:
                yield {
                    "prompt": list(turn.messages),
                    "completion": [{"role": "assistant", "content": turn.text}],
                    "value": turn.value,
                    "label": turn.people,
                    "people": turn.n,
                    "question": turn.question,
                    "cell": turn.cell,
                    "template": turn.template,
                    "model": turn.model,
                }


EXPORT = Critiques()
