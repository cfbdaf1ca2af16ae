"""Talks: what a protocol asks of a model, written as plain control flow. Pure.

A talk is a generator. It yields a round of `Ask`s, is sent an `Answer` to each by its key, and
returns what it came to. Who sends the questions, in which batches, and where replies are kept is
none of its business. A talk asks the same whenever it gets the same answers, so one that was cut
off is replayed from the calls that were kept and asks only what is missing.

`Course` drives a talk: it climbs the ladder of asking, repairing and asking again for each `Ask`,
so that no protocol repeats it. What couldn't be read stays unread: it is never a tie.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from models_runtime.engines import Conversation, Decision, Finish
from models_runtime.prompting.parsing import Parsed, ParseStatus
from models_runtime.prompting.templates import Template

LEAST_MASS = 0.5
R = TypeVar("R")
V = TypeVar("V")

Reading = Callable[[str, Finish], Parsed[Any]]


class Order(StrEnum):
    """AB shows position 0 first, BA position 1; NONE where there is no pair to show."""

    AB = "ab"
    BA = "ba"
    NONE = "-"

    @property
    def shown(self) -> tuple[int, int]:
        return (1, 0) if self is Order.BA else (0, 1)


class CallKind(StrEnum):
    ASK = "ask"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing to be asked. `key` names it within its talk.

    Without `labels` the model writes and `read` makes sense of it; with them, one token's
    probabilities are wanted, and `labels` maps each label to what it means. `seat` says which of
    a protocol's models is asked. A `shared` ask is the same in several talks of a job, and then
    made once. `shown` names the places of the responses in the order in which they stand in the
    prompt, where several stand there and the answer compares them all.
    """

    key: str
    messages: Conversation
    template: Template
    read: Reading | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    order: Order = Order.NONE
    temperature: float = 0.0
    seat: str = "judge"
    shared: bool = False
    shown: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an ask. `value` is None unless the status is an answer.

    `p` holds the label probabilities, normalised over the labels; `mass` what they had together;
    `bounded` labels whose probability is only an upper bound. `tries` says how each try went.
    """

    status: ParseStatus
    value: Any = None
    text: str = ""
    p: Mapping[str, float] | None = None
    mass: float | None = None
    bounded: tuple[str, ...] = ()
    tries: tuple[ParseStatus, ...] = ()

    @property
    def is_read(self) -> bool:
        return self.status.is_answer


Answers = Mapping[str, Answer]
Talk = Generator[Sequence[Ask], Answers, R]


@dataclass(frozen=True, slots=True)
class Patience:
    """How hard a course tries to get an answer: `reasks` new samples, each with a repair."""

    reasks: int = 2
    repairs: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One call: which ask, asking or repairing, and the how-manieth sample."""

    key: str
    kind: CallKind = CallKind.ASK
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back, raw: a text and how it ended, or label probabilities."""

    text: str = ""
    finish: Finish = Finish.STOP
    decision: Decision | None = None


def read_labels(decision: Decision, meanings: Mapping[str, V]) -> Answer:
    """The likeliest label's meaning. With less than half of the probability on the labels the
    model meant something else: unparsable. So it is when the likeliest label is only bounded."""
    p = {label: decision.probabilities.get(label, 0.0) for label in meanings}
    facts = {"p": p, "mass": decision.mass, "bounded": decision.bounded}
    likeliest = max(p, key=lambda label: p[label])
    if decision.mass < LEAST_MASS or likeliest in decision.bounded:
        return Answer(ParseStatus.UNPARSABLE, **facts)  # type: ignore[arg-type]
    return Answer(ParseStatus.OK, meanings[likeliest], **facts)  # type: ignore[arg-type]


def read_heard(ask: Ask, step: Step, heard: Heard) -> Answer:
    """What a reply says to an ask."""
    if heard.decision is not None:
        return read_labels(heard.decision, ask.labels)
    if ask.read is None:
        raise ValueError(f"{ask.key} was asked for labels and answered in words")
    parsed = ask.read(heard.text, heard.finish)
    status = parsed.status
    if step.kind is CallKind.REPAIR and status is ParseStatus.OK:
        status = ParseStatus.REPAIRED
    return Answer(status, parsed.value, heard.text)


class Course(Generic[R]):
    """A talk under way. Send what `wanted` names, say what came back with `hear`, until `is_over`;
    then `result` holds what the talk came to."""

    def __init__(self, talk: Talk[R], patience: Patience | None = None) -> None:
        self._talk = talk
        self._patience = patience or Patience()
        self._tries: dict[str, list[tuple[Step, Answer]]] = {}
        self._seen: set[str] = set()
        self.calls = 0
        self.is_over = False
        self._result: R | None = None
        self._round: dict[str, Ask] = {}
        self._begin(lambda: next(self._talk))

    @property
    def result(self) -> R:
        if not self.is_over:
            raise ValueError("the talk isn't over yet")
        return self._result  # type: ignore[return-value]

    def wanted(self) -> list[tuple[Ask, Step]]:
        """The calls that can be made now, with their asks; empty when the talk is over."""
        steps = ((ask, self._next_step(ask)) for ask in self._round.values())
        return [(ask, step) for ask, step in steps if step is not None]

    def hear(self, step: Step, heard: Heard) -> Answer:
        """Take the reply to a wanted step; goes on to the next round when this one is complete."""
        ask = self._round[step.key]
        answer = read_heard(ask, step, heard)
        self._tries.setdefault(step.key, []).append((step, answer))
        self.calls += 1
        if not self.wanted():
            answers = {key: self._answer(key) for key in self._round}
            self._begin(lambda: self._talk.send(answers))
        return answer

    def replay(self, kept: Mapping[Step, Heard]) -> None:
        """Go on from calls that were made before, as far as they reach."""
        while steps := [step for _, step in self.wanted() if step in kept]:
            for step in steps:
                self.hear(step, kept[step])

    def messages_of(self, ask: Ask, step: Step) -> Conversation:
        """What is sent for a step: the ask, or the request to restate what couldn't be read."""
        if step.kind is CallKind.ASK:
            return ask.messages
        said = next(
            answer.text
            for tried, answer in self._tries[ask.key]
            if tried == Step(ask.key, CallKind.ASK, step.sample)
        )
        return ask.template.render_repair(ask.messages, said)

    def _begin(self, advance: Callable[[], Sequence[Ask]]) -> None:
        """Start the next round that asks anything, or end."""
        try:
            asks = advance()
            while not asks:
                asks = self._talk.send({})
        except StopIteration as end:
            self._round, self._result, self.is_over = {}, end.value, True
            return
        keys = [ask.key for ask in asks]
        if len(set(keys)) < len(keys) or self._seen & set(keys):
            raise ValueError(f"a talk asked twice under one key: {sorted(keys)}")
        self._seen |= set(keys)
        self._round = {ask.key: ask for ask in asks}

    def _next_step(self, ask: Ask) -> Step | None:
        tries = self._tries.get(ask.key, [])
        if not tries:
            return Step(ask.key)
        last, answer = tries[-1]
        if answer.is_read or ask.labels:  # the same labels would get the same probabilities
            return None
        repairable = answer.status in {ParseStatus.UNPARSABLE, ParseStatus.TRUNCATED}
        if self._repairs(ask) and repairable and last.kind is CallKind.ASK:
            return Step(ask.key, CallKind.REPAIR, last.sample)
        if last.sample < self._patience.reasks:
            return Step(ask.key, CallKind.ASK, last.sample + 1)
        return None

    def _repairs(self, ask: Ask) -> bool:
        return self._patience.repairs and bool(ask.template.repair)

    def _answer(self, key: str) -> Answer:
        """The answer that ended the tries: one that could be read, or the last that couldn't."""
        answers = [answer for _, answer in self._tries[key]]
        return replace(answers[-1], tries=tuple(answer.status for answer in answers))


def hold(
    talk: Talk[R],
    reply: Callable[[Ask, Step, Conversation], Heard],
    patience: Patience | None = None,
) -> Course[R]:
    """Carry a talk through with `reply` as the model; for the library and for tests."""
    course = Course(talk, patience)
    while wanted := course.wanted():
        for ask, step in wanted:
            course.hear(step, reply(ask, step, course.messages_of(ask, step)))
    return course


def together(talks: Iterable[Talk[R]]) -> Talk[list[R]]:
    """Several talks side by side: each round holds what all of them ask. Keys must differ."""
    running = list(talks)
    results: dict[int, R] = {}
    pending: dict[int, Sequence[Ask]] = {}

    def advance(place: int, answers: Answers | None) -> None:
        talk = running[place]
        try:
            pending[place] = next(talk) if answers is None else talk.send(answers)
        except StopIteration as end:
            results[place] = end.value

    for place in range(len(running)):
        advance(place, None)
    while pending:
        answers = yield [ask for asks in pending.values() for ask in asks]
        for place, asks in list(pending.items()):
            del pending[place]
            advance(place, {ask.key: answers[ask.key] for ask in asks})
    return [results[place] for place in range(len(running))]
