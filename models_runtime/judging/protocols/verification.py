"""Verification of solutions (GenRM): each response checked step by step, V times.

A response's score is the mean of its verdicts (or P(yes)); the higher score is better. Consider
solving more instead: the planner in `judging.verifying` says so where the judge is built.
"""

from dataclasses import dataclass

from models_runtime.engines import Capability
from models_runtime.judging.options import Options, option
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.ratings import reference_of
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Verdict, verdict_of_scores
from models_runtime.judging.verifying import verified_score
from models_runtime.prompting.replies import word
from models_runtime.prompting.rewards import VERIFICATION, VERIFICATION_LABEL, VERIFIERS
from models_runtime.prompting.templates import Fenced


@dataclass(frozen=True, kw_only=True)
class VerificationOptions(Options):
    verifications: int = option(4, "Verifications", "Of each response.", low=1, high=64)
    labelled: bool = option(
        False, "From label probabilities", "P(yes) from one call per response, without reasoning."
    )
    margin: float = option(0.0, "Margin", "Scores that differ by no more tie.", low=0, high=1)
    reference_system: str = option(
        "", "Reference answers by", "The system whose responses are shown as reference answers."
    )


class Verification(JudgingProtocol):
    title = "Verify each solution"
    summary = "Step-by-step checks of each response on its own; for tasks with a right answer."
    reference = "Zhang et al. 2024 (GenRM); Singhi et al. 2025 (When to solve, when to verify)"
    judgment_types = frozenset({"pairwise", "ranking"})
    options_class = VerificationOptions
    templates = (VERIFICATION, VERIFICATION_LABEL)
    plans = True

    def conduct(self, subject: Subject, options: VerificationOptions) -> Talk[Verdict]:
        asks = {
            place: [
                _ask(subject, place, turn, labelled=options.labelled, times=_times(options))
                for turn in range(_times(options))
            ]
            for place in subject.places
        }
        answers = yield [ask for group in asks.values() for ask in group]
        scores = [
            verified_score([answers[ask.key] for ask in asks[place]]) for place in subject.places
        ]
        return verdict_of_scores(
            subject.judgment_type, scores, margin=options.margin, best_only=subject.best_only
        )

    def cost(self, shape: Shape, options: VerificationOptions) -> Cost:
        return Cost.of(shape.candidates * _times(options), "N·V")

    def needs(self, options: VerificationOptions) -> frozenset[Capability]:
        return frozenset({Capability.DECIDE if options.labelled else Capability.GENERATE})

    def way(self, options: VerificationOptions) -> str:
        return VERIFICATION_LABEL.name if options.labelled else f"{options.verifications} each"


def _times(options: VerificationOptions) -> int:
    return 1 if options.labelled else options.verifications


def _ask(subject: Subject, place: int, turn: int, *, labelled: bool, times: int) -> Ask:
    key = f"place-{place}/{turn}"
    parts = [subject.asked, *reference_of(subject), Fenced("SOLUTION", subject.texts[place])]
    secret = f"{subject.secret}:{key}"
    if labelled:
        labels = {"Yes": "yes", "No": "no"}
        messages = VERIFICATION_LABEL.put(parts, secret)
        return Ask(key, messages, VERIFICATION_LABEL, labels=labels)
    messages = VERIFICATION.put(parts, secret)
    read = word(VERIFIERS, "verdict", "verdict")
    return Ask(key, messages, VERIFICATION, read, temperature=0.0 if times == 1 else 0.7)


PROTOCOL = Verification()
