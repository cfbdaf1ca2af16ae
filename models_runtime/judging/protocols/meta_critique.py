"""Judge of critiques (MetaCritique): precision, recall and F1 of their claims.

The responses of the question are critiques; the reference critique is the response of the named
system. Both are broken into claims; a critique's claims are checked for being right, the
reference's for being made. F1 decides which critique is better.
"""

from dataclasses import dataclass

from annotation.phrases import say
from models_runtime.judging.critiques import CritiqueScore, critique_score
from models_runtime.judging.options import OptionRefused, Options, option
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Answers, Ask, Talk
from models_runtime.judging.verdicts import Verdict, invalid, verdict_of_scores
from models_runtime.prompting.debate import CLAIMS, CLAIMS_COVERED, CLAIMS_TRUE
from models_runtime.prompting.replies import YES, bullets, numbered_answers
from models_runtime.prompting.templates import Fenced, Part


@dataclass(frozen=True, kw_only=True)
class MetaOptions(Options):
    reference_system: str = option(
        "reference", "Reference critiques by", "The system whose responses are the references."
    )
    margin: float = option(0.05, "Margin", "F1 scores that differ by no more tie.", low=0, high=1)


class MetaCritique(JudgingProtocol):
    title = "Critique of critiques"
    summary = "Precision, recall and F1 of a critique's claims against a reference critique."
    reference = "Sun et al. 2024 (The Critique of Critique)"
    judgment_types = frozenset({"pairwise", "ranking"})
    options_class = MetaOptions
    templates = (CLAIMS, CLAIMS_TRUE, CLAIMS_COVERED)

    def conduct(self, subject: Subject, options: MetaOptions) -> Talk[Verdict]:
        if not subject.reference:
            return invalid(f"no reference critique by {options.reference_system}")
        texts = {f"place-{place}": subject.texts[place] for place in subject.places}
        found = yield [
            _claims(subject, key, text)
            for key, text in {"reference": subject.reference, **texts}.items()
        ]
        unread = [key for key, answer in found.items() if not answer.is_read]
        if unread:
            return invalid(f"{unread[0]}: {found[unread[0]].status.value}")
        claims = {key: tuple(answer.value) for key, answer in found.items()}
        asks = [
            ask
            for key, text in texts.items()
            for ask in (
                _check(subject, f"{key}/true", claims[key], text),
                _check(subject, f"{key}/covered", claims["reference"], text),
            )
        ]
        answers = yield asks
        if missed := [ask.key for ask in asks if not answers[ask.key].is_read]:
            return invalid(f"{missed[0]}: {answers[missed[0]].status.value}")
        scores = {key: _score(answers, key, claims) for key in texts}
        detail = {
            key: {"precision": each.precision, "recall": each.recall}
            for key, each in scores.items()
        }
        return verdict_of_scores(
            subject.judgment_type,
            [scores[f"place-{place}"].f1 for place in subject.places],
            margin=options.margin,
            best_only=subject.best_only,
            detail={"claims": detail},
        )

    def cost(self, shape: Shape, options: MetaOptions) -> Cost:
        return Cost.of(1 + 3 * shape.candidates, "1 + 3·N")

    def check(self, options: MetaOptions) -> None:
        if not options.reference_system.strip():
            raise OptionRefused(
                "reference_system", say("Name the system of the reference critiques.")
            )


def _claims(subject: Subject, key: str, text: str) -> Ask:
    parts = [subject.asked, Fenced("CRITIQUE", text)]
    return Ask(key, CLAIMS.put(parts, f"{subject.secret}:{key}"), CLAIMS, bullets())


def _check(subject: Subject, key: str, claims: tuple[str, ...], critique: str) -> Ask:
    true = key.endswith("/true")
    listed = Fenced("CLAIMS", "\n".join(f"{n}. {claim}" for n, claim in enumerate(claims, 1)))
    against = Fenced("REFERENCE CRITIQUE", subject.reference) if true else Fenced(
        "CRITIQUE", critique
    )  # fmt: skip
    parts: list[Part] = [subject.asked, against, listed]
    template = CLAIMS_TRUE if true else CLAIMS_COVERED
    messages = template.put(parts, f"{subject.secret}:{key}")
    return Ask(key, messages, template, numbered_answers(len(claims)))


def _score(answers: Answers, key: str, claims: dict[str, tuple[str, ...]]) -> CritiqueScore:
    right = sum(value == YES for value in answers[f"{key}/true"].value.values())
    covered = sum(value == YES for value in answers[f"{key}/covered"].value.values())
    return critique_score(right, len(claims[key]), covered, len(claims["reference"]))


PROTOCOL = MetaCritique()
