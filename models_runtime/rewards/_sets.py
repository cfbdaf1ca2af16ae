"""Asking a model about all candidates of a prompt together, by a way of judging rankings."""

from collections.abc import Iterable, Iterator, Sequence

from annotation.phrases import say
from models_runtime.engines import (
    Capability,
    Cause,
    Engine,
    Failure,
    GenerationReply,
    GenerationRequest,
    Usage,
)
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging.requests import judged_request, temperature_for
from models_runtime.judging.subject import Subject as Question
from models_runtime.judging.talk import Ask, Course, Heard, Step
from models_runtime.judging.verdicts import Verdict
from models_runtime.rewards import STOPPED, Bench, Measured, Subject, windows

PROMPTS = 16  # at once: each has several texts
NEEDS = frozenset({Capability.GENERATE})
MOST = 64  # candidates of one prompt
CROWD = Failure(
    Cause.TOO_LONG,
    say("More than %(most)s candidates of a prompt can't be asked about.", most=MOST),
)


def by_protocol(
    subjects: Iterable[Subject],
    bench: Bench,
    protocol: JudgingProtocol,
    name: str,
    *,
    unread: float | None = None,
) -> Iterator[Measured]:
    """The number `name` of every candidate: its score under `protocol`, the higher the better; of
    all of them `unread` where the model's replies can't be read, a failure if that is None."""
    for window in windows(subjects, PROMPTS):
        fits = [each for each in window if 2 <= len(each.rivals) <= MOST]
        for each in window:
            if len(each.rivals) < 2:  # the only one is the best without a question
                lone = {rival.key: {name: 1.0} for rival in each.rivals}
                yield Measured(each.key, of_rivals=lone)
            elif len(each.rivals) > MOST:
                yield Measured(each.key, failure=CROWD)
        tables = [_Table(each, protocol, unread) for each in fits]
        while any(table.wanted() for table in tables):
            if not _ask_round(tables, bench.engine):
                break  # the engine was stopped from outside
        yield from (table.measured(name) for table in tables)


class _Table:
    """The talk about one prompt's candidates."""

    def __init__(self, subject: Subject, protocol: JudgingProtocol, unread: float | None) -> None:
        self.subject = subject
        self.unread = unread
        options = protocol.options_class()
        texts = tuple(rival.text for rival in subject.rivals)
        question = Question(
            key=f"{subject.seed}",
            secret=f"{subject.seed}:{subject.key}",
            conversation=subject.messages,
            texts=texts,
            judgment_type="ranking",
            best_only=True,
        )
        talk = protocol.conduct(question, options)
        self.course: Course[Verdict] = Course(talk, protocol.patience(options))  # type: ignore[arg-type]
        self.usage = Usage()
        self.failure: Failure | None = None

    def wanted(self) -> Sequence[tuple[Ask, Step]]:
        return [] if self.failure is not None or self.course.is_over else self.course.wanted()

    def request(self, key: str, ask: Ask, step: Step) -> GenerationRequest:
        return judged_request(
            key,
            ask,
            step,
            self.course.messages_of(ask, step),
            seed=self.subject.seed + step.sample,
            temperature=temperature_for(ask, step),
        )

    def hear(self, step: Step, reply: GenerationReply) -> None:
        self.usage += reply.usage
        if reply.failure is not None:
            self.failure = reply.failure
        else:
            sample = reply.samples[0]
            self.course.hear(step, Heard(sample.text, sample.finish))

    def measured(self, name: str) -> Measured:
        if self.failure is not None:
            return Measured(self.subject.key, usage=self.usage, failure=self.failure)
        if not self.course.is_over:
            return Measured(self.subject.key, usage=self.usage, failure=STOPPED)
        verdict = self.course.result
        scores = verdict.detail.get("scores", ())
        if verdict.payload is None and self.unread is not None:
            scores = [self.unread] * len(self.subject.rivals)
        elif verdict.payload is None:
            failure = Failure(
                Cause.MALFORMED_REPLY, say("The model picked none: %(cause)s.", cause=verdict.cause)
            )
            return Measured(self.subject.key, usage=self.usage, failure=failure)
        numbers = {
            rival.key: {name: float(score)}
            for rival, score in zip(self.subject.rivals, scores, strict=True)
        }
        return Measured(self.subject.key, of_rivals=numbers, usage=self.usage)


def _ask_round(tables: Sequence[_Table], engine: Engine) -> int:
    """Send everything that can be asked now; how many replies came."""
    sent = {
        f"{nth}/{place}": (table, ask, step)
        for nth, table in enumerate(tables)
        for place, (ask, step) in enumerate(table.wanted())
    }
    requests = [table.request(key, ask, step) for key, (table, ask, step) in sent.items()]
    heard = 0
    for reply in engine.generate(requests):
        table, _ask, step = sent[reply.key]
        if table.failure is None:
            table.hear(step, reply)
        heard += 1
    return heard
