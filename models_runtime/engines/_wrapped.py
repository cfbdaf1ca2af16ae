"""An engine around another: passes on whatever a subclass doesn't change."""

from collections.abc import Generator, Iterable, Sequence

from models_runtime.engines import (
    ContinuationLogprobs,
    ContinuationRequest,
    Conversation,
    DecisionReply,
    DecisionRequest,
    EmbeddingReply,
    EmbeddingRequest,
    Engine,
    GenerationReply,
    GenerationRequest,
    RewardReply,
    RewardRequest,
)


class Wrapped(Engine):
    def __init__(self, engine: Engine) -> None:
        self.info = engine.info
        self._engine = engine

    @property
    def device(self) -> str:  # type: ignore[override]  # asked when the work is over
        return self._engine.device

    def check(self) -> None:
        self._engine.check()

    def generate(
        self, requests: Iterable[GenerationRequest]
    ) -> Generator[GenerationReply, None, None]:
        return self._engine.generate(requests)

    def decide(self, requests: Iterable[DecisionRequest]) -> Generator[DecisionReply, None, None]:
        return self._engine.decide(requests)

    def loglik(
        self, requests: Iterable[ContinuationRequest]
    ) -> Generator[ContinuationLogprobs, None, None]:
        return self._engine.loglik(requests)

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        return self._engine.score(conversations)

    def rate(self, requests: Iterable[RewardRequest]) -> Generator[RewardReply, None, None]:
        return self._engine.rate(requests)

    def embed(self, requests: Iterable[EmbeddingRequest]) -> Generator[EmbeddingReply, None, None]:
        return self._engine.embed(requests)

    def longest(self) -> int | None:
        return self._engine.longest()

    def samples_given(self) -> int | None:
        return self._engine.samples_given()

    def close(self) -> None:
        self._engine.close()
