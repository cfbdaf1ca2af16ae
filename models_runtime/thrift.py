"""Keeping within a money cap: no more calls at once than are in flight, none once it is reached.

An engine pulls requests ahead of those it works on, and what it began is paid for whether anybody
listens or not. So under a cap requests go out in portions, each of which lands before the next is
sent.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from itertools import islice
from typing import Protocol, TypeVar

from models_runtime.engines import (
    ContinuationLogprobs,
    ContinuationRequest,
    DecisionReply,
    DecisionRequest,
    EmbeddingReply,
    EmbeddingRequest,
    Engine,
    GenerationReply,
    GenerationRequest,
    RewardReply,
    RewardRequest,
    Usage,
)
from models_runtime.engines._wrapped import Wrapped
from models_runtime.models import Job


class Purse:
    """A job's money as one shift sees it: what its rows say was spent, and what has landed and
    isn't in them yet."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._unkept = 0.0
        self.is_closed = False

    def take(self, usage: Usage) -> None:
        """A call has landed."""
        self._unkept += usage.cost

    def keep(self, usages: Iterable[Usage]) -> None:
        """What was taken stands in the job's rows now."""
        self._unkept -= sum(usage.cost for usage in usages)

    def is_spent(self) -> bool:
        """Whether the cap is reached; asks the database. Once it is, the purse stays closed."""
        cap = self._job.max_cost
        if cap is not None and not self.is_closed:
            self.is_closed = self._job.spent().cost + self._unkept >= cap
        return self.is_closed


class _Priced(Protocol):
    @property
    def usage(self) -> Usage: ...


R = TypeVar("R")
A = TypeVar("A", bound=_Priced)


class Thrifty(Wrapped):
    """An engine under a money cap. Requests that come once it is reached get no reply, as if the
    engine had been stopped from outside."""

    def __init__(self, engine: Engine, purse: Purse) -> None:
        super().__init__(engine)
        self._purse = purse

    def generate(
        self, requests: Iterable[GenerationRequest]
    ) -> Generator[GenerationReply, None, None]:
        return self._counting(requests, self._engine.generate)

    def decide(self, requests: Iterable[DecisionRequest]) -> Generator[DecisionReply, None, None]:
        return self._counting(requests, self._engine.decide)

    def loglik(
        self, requests: Iterable[ContinuationRequest]
    ) -> Generator[ContinuationLogprobs, None, None]:
        return self._counting(requests, self._engine.loglik)

    def rate(self, requests: Iterable[RewardRequest]) -> Generator[RewardReply, None, None]:
        return self._counting(requests, self._engine.rate)

    def embed(self, requests: Iterable[EmbeddingRequest]) -> Generator[EmbeddingReply, None, None]:
        """Embeddings stand in the job's rows as soon as they have landed."""
        return self._portions(requests, self._engine.embed)

    def _counting(
        self, requests: Iterable[R], send: Callable[[Iterable[R]], Generator[A, None, None]]
    ) -> Generator[A, None, None]:
        with closing(self._portions(requests, send)) as replies:
            for reply in replies:
                self._purse.take(reply.usage)
                yield reply

    def _portions(
        self, requests: Iterable[R], send: Callable[[Iterable[R]], Generator[A, None, None]]
    ) -> Generator[A, None, None]:
        pending = iter(requests)
        while not self._purse.is_spent():
            portion = list(islice(pending, self.info.in_flight))
            missing = len(portion)
            with closing(send(portion)) as replies:
                for reply in replies:
                    missing -= 1
                    yield reply
            if missing or not portion:  # stopped from outside, or nothing is left
                return
