"""Backward questions (FOBAR): how often a number of the prompt is found back from the answer.

Each number of the last message is hidden in turn, the candidate's answer is given as right, and the
model is asked for the number, `draws` times. `recovered` counts how often it was right, out of
`hidden` questions. The selector `fobar` reads `recovered`. A prompt without numbers and a text
without an answer have 0 of 0: the selector then follows the votes.

Jiang et al. 2023, arXiv:2308.07758. They ask once for every different answer; here every candidate
is asked about, and the selector takes the mean over those with one answer. Numbers beyond the first
`most_numbers` aren't hidden.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from models_runtime.engines import Capability, GenerationRequest, Sampling, Usage
from models_runtime.prompting.backward import BACKWARD
from models_runtime.prompting.templates import Fenced
from models_runtime.rewards import STOPPED, Bench, Measured, OfTexts, Subject, windows
from models_runtime.selection import canonical, extract_answer

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\w])")
WRITTEN = 150  # tokens of a reply, usually


@dataclass(frozen=True, slots=True)
class BackwardOptions:
    """`draws` is how often each hidden number is asked for; above 1 they are drawn with
    `temperature`, a single one is greedy."""

    draws: int = 1
    temperature: float = 0.7
    most_numbers: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.draws <= 20 or not 1 <= self.most_numbers <= 20:
            raise ValueError("draws and most_numbers lie between 1 and 20")
        if not 0 < self.temperature <= 2:
            raise ValueError("temperature lies above 0 and up to 2")


def hidden(question: str, most: int) -> list[tuple[str, str]]:
    """The question with one number hidden, and that number, for each of the first `most`."""
    found = list(_NUMBER.finditer(question))[:most]
    return [(f"{question[: m.start()]}X{question[m.end() :]}", m[0]) for m in found]


@dataclass(frozen=True)
class Recovered(OfTexts):
    title: str = "Numbers found back from the answer"
    summary: str = "Numbers of the prompt are hidden and asked for, given the candidate's answer."
    names: tuple[str, ...] = ("recovered", "hidden")
    needs: frozenset[Capability] = frozenset({Capability.GENERATE})
    partner: str = ""
    options_class: type[Any] = field(default=BackwardOptions)

    def reading(self, prompt: int, text: int, options: BackwardOptions) -> int:
        return options.draws * options.most_numbers * (prompt + text)

    def writing(self, candidates: int, options: BackwardOptions) -> int:
        return options.draws * options.most_numbers * candidates * WRITTEN

    def measure(
        self, subjects: Iterable[Subject], bench: Bench, options: BackwardOptions
    ) -> Iterator[Measured]:
        for window in windows(subjects):
            yield from _of_window(window, bench, options)


def _of_window(window: list[Subject], bench: Bench, options: BackwardOptions) -> Iterator[Measured]:
    requests, wanted = [], {}
    right = dict.fromkeys((subject.key for subject in window), 0)
    open_, asked = dict(right), dict(right)
    usage = dict.fromkeys(right, Usage())
    for subject in window:
        for key, number, request in _asks(subject, options):
            requests.append(request)
            wanted[key] = (subject.key, number)
            open_[subject.key] += 1
    failures = {}
    for reply in bench.engine.generate(requests):
        about, number = wanted[reply.key]
        usage[about] += reply.usage
        open_[about] -= 1
        if reply.failure is not None:
            failures[about] = reply.failure
            continue
        asked[about] += 1
        said = extract_answer(reply.samples[0].text)
        right[about] += said is not None and canonical(said) == canonical(number)
    for subject in window:
        if open_[subject.key]:
            yield Measured(subject.key, usage=usage[subject.key], failure=STOPPED)
            continue
        numbers = {"recovered": float(right[subject.key]), "hidden": float(asked[subject.key])}
        failure = failures.get(subject.key)
        yield Measured(
            subject.key,
            {} if failure else numbers,
            usage=usage[subject.key],
            failure=failure,
        )


def _asks(
    subject: Subject, options: BackwardOptions
) -> Iterator[tuple[str, str, GenerationRequest]]:
    answer = extract_answer(subject.text)
    if answer is None or not subject.messages:
        return
    heat = options.temperature if options.draws > 1 else 0.0
    for place, (question, number) in enumerate(
        hidden(subject.messages[-1].content, options.most_numbers)
    ):
        for draw in range(options.draws):
            key = f"{subject.key}/{place}/{draw}"
            parts = [Fenced("QUESTION", question), Fenced("ANSWER", answer)]
            yield (
                key,
                number,
                GenerationRequest(
                    key,
                    BACKWARD.put(parts, f"{subject.seed}:{key}"),
                    Sampling(max_tokens=BACKWARD.max_tokens, temperature=heat),
                    seed=subject.seed + 31 * place + draw,
                ),
            )


SCORER = Recovered()
