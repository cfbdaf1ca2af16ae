"""Engines that embed, with what they computed before kept on disk, and what that took."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Sum

from models_runtime.checkpoints import open_engine
from models_runtime.embedding_cache import EmbeddingCache, Remembering
from models_runtime.engines import (
    Capability,
    EmbeddingReply,
    EmbeddingRequest,
    Engine,
    EngineError,
)
from models_runtime.engines._wrapped import Wrapped
from models_runtime.models import Checkpoint, GenerationJob, Job, ScoringJob
from models_runtime.models.jobs import Spent


def open_embedder(checkpoint: Checkpoint, job: GenerationJob | ScoringJob) -> Engine:
    """The engine of a checkpoint that embeds, answering and counted; raises EngineError."""
    engine = open_engine(checkpoint)
    try:
        engine.require({Capability.EMBED})
        engine.check()
    except EngineError:
        engine.close()
        raise
    return counted(engine, checkpoint, job)


def counted(engine: Engine, checkpoint: Checkpoint, job: GenerationJob | ScoringJob) -> Engine:
    """The engine with a memory, where it is certain what it remembers, and with every embedding
    counted as the job's."""
    return Counted(_remembering(engine, checkpoint), checkpoint, job)


def _remembering(engine: Engine, checkpoint: Checkpoint) -> Engine:
    identity = identity_of(checkpoint)
    if identity is None:
        return engine
    return Remembering(engine, EmbeddingCache(settings.VAR_DIR / "embeddings", identity))


class Counted(Wrapped):
    """An engine whose embeddings are written down as a job's, each as soon as it has landed."""

    def __init__(
        self, engine: Engine, checkpoint: Checkpoint, job: GenerationJob | ScoringJob
    ) -> None:
        super().__init__(engine)
        self._checkpoint = checkpoint
        self._job = job

    def embed(self, requests: Iterable[EmbeddingRequest]) -> Generator[EmbeddingReply, None, None]:
        asked: dict[str, int] = {}

        def noted() -> Iterator[EmbeddingRequest]:
            for request in requests:
                asked[request.key] = len(request.texts)
                yield request

        with closing(self._engine.embed(noted())) as replies:
            for reply in replies:
                self._count(reply, texts=asked.pop(reply.key))
                yield reply

    def _count(self, reply: EmbeddingReply, *, texts: int) -> None:
        self._job.embedding_calls.create(
            checkpoint=self._checkpoint,
            texts=texts,
            computed=reply.computed,
            failure=reply.failure.cause.value if reply.failure else "",
            tokens_in=reply.usage.tokens_in,
            tokens_out=reply.usage.tokens_out,
            cost=reply.usage.cost,
            wall_ms=reply.wall_ms,
        )


@dataclass(frozen=True, slots=True)
class Embedded:
    """How many texts a job had embedded, how many of them were `known` and cost nothing, and what
    the others took; that is in what the job spent, too."""

    texts: int
    known: int
    tokens_in: int
    cost: float


def embedded_by(job: Job) -> Embedded | None:
    """None where nothing was embedded."""
    if not isinstance(job, GenerationJob | ScoringJob):
        return None
    calls = job.embedding_calls.filter(failure="")
    sums = calls.aggregate(texts=Sum("texts"), computed=Sum("computed"))
    if sums["texts"] is None:
        return None
    spent = Spent(job.embedding_calls.all())
    return Embedded(sums["texts"], sums["texts"] - sums["computed"], spent.tokens_in, spent.cost)


def identity_of(checkpoint: Checkpoint) -> str | None:
    """Text that names exactly this model, None where another may come to stand behind its name.

    A folder is known by the sizes and times of its files; anything else by a pinned revision.
    """
    options = sorted((name, repr(value)) for name, value in checkpoint.options.items())
    what = f"{checkpoint.engine}\n{checkpoint.model}\n{checkpoint.base_url}\n{options}"
    folder = Path(checkpoint.model)
    if not checkpoint.base_url and folder.is_absolute() and folder.is_dir():
        files = sorted(each for each in folder.iterdir() if each.is_file())
        told = [(each.name, each.stat().st_size, each.stat().st_mtime_ns) for each in files]
        return f"{what}\n{told}"
    if checkpoint.is_scripted or checkpoint.revision:
        return f"{what}\n{checkpoint.revision}"
    return None
