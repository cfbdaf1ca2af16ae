"""Generative reward by principles and critiques, sampled k times (SPCT).

Each sample writes principles for this prompt, criticises every response by them and gives each a
whole number from 1 to 10; the order of the responses is shuffled anew. Scores are summed over
samples, so ties fall and the range grows to 10·k. With `keep`, only the samples that agree best
with the median of the others are summed. A sample with the wrong number of scores is discarded;
with less than half left there is no verdict.
"""

import math
from dataclasses import dataclass

from annotation.phrases import say
from models_runtime.judging.options import OptionRefused, Options, option
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.sampled_scores import meta_scores, vote
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Verdict, invalid, verdict_of_scores
from models_runtime.prompting.replies import scores
from models_runtime.prompting.rewards import PRINCIPLES
from models_runtime.prompting.templates import Fenced, Part

LOW, HIGH = 1, 10


@dataclass(frozen=True, kw_only=True)
class PrincipleOptions(Options):
    samples: int = option(4, "Samples", "How often principles and critiques are written.", low=1,
                          high=64)  # fmt: skip
    keep: int = option(
        0, "Kept by meta score", "Sum only so many samples; 0 sums all. Half is usual.", low=0,
        high=64,
    )  # fmt: skip


class PrincipledScores(JudgingProtocol):
    title = "Principles and critiques, sampled and voted"
    summary = "A generative reward model: principles, critiques and scores, k times over."
    reference = "Liu et al. 2025 (Self-Principled Critique Tuning)"
    judgment_types = frozenset({"pairwise", "ranking"})
    options_class = PrincipleOptions
    templates = (PRINCIPLES,)

    def conduct(self, subject: Subject, options: PrincipleOptions) -> Talk[Verdict]:
        orders = [subject.shuffled(sample) for sample in range(options.samples)]
        asks = [_ask(subject, sample, order) for sample, order in enumerate(orders)]
        answers = yield asks
        read = []
        for order, ask in zip(orders, asks, strict=True):
            if answers[ask.key].is_read:
                by_place = dict(zip(order, answers[ask.key].value, strict=True))
                read.append(tuple(float(by_place[place]) for place in subject.places))
        if len(read) < math.ceil(options.samples / 2) or not read:
            return invalid(f"{len(read)} of {options.samples} samples could be read")
        keep = options.keep or len(read)
        return verdict_of_scores(
            subject.judgment_type,
            vote(read, keep=keep),
            unit=3.0 * min(keep, len(read)),
            best_only=subject.best_only,
            reason=next(answers[ask.key].text for ask in asks if answers[ask.key].is_read)[:5000],
            detail={"samples": read, "meta": meta_scores(read)},
        )

    def cost(self, shape: Shape, options: PrincipleOptions) -> Cost:
        return Cost.of(options.samples, "k")

    def check(self, options: PrincipleOptions) -> None:
        if options.keep > options.samples:
            raise OptionRefused("keep", say("No more samples can be kept than are taken."))

    def way(self, options: PrincipleOptions) -> str:
        return f"{options.samples} samples" + (f", best {options.keep}" if options.keep else "")


def _ask(subject: Subject, sample: int, order: tuple[int, ...]) -> Ask:
    key = f"sample-{sample}"
    parts: list[Part] = [subject.asked]
    parts += [
        Fenced(f"RESPONSE {number}", subject.texts[place]) for number, place in enumerate(order, 1)
    ]
    messages = PRINCIPLES.put(parts, f"{subject.secret}:{key}")
    reading = scores(len(order), LOW, HIGH)
    return Ask(key, messages, PRINCIPLES, reading, temperature=1.0, shown=order)


PROTOCOL = PrincipledScores()
