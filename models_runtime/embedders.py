"""Engines that embed, with what they computed before kept on disk."""

from pathlib import Path

from django.conf import settings

from models_runtime.checkpoints import open_engine
from models_runtime.embedding_cache import EmbeddingCache, Remembering
from models_runtime.engines import Capability, Engine, EngineError
from models_runtime.models import Checkpoint


def open_embedder(checkpoint: Checkpoint) -> Engine:
    """The engine of a checkpoint that embeds; raises EngineError."""
    engine = open_engine(checkpoint)
    try:
        engine.require({Capability.EMBED})
    except EngineError:
        engine.close()
        raise
    return remembering(engine, checkpoint)


def remembering(engine: Engine, checkpoint: Checkpoint) -> Engine:
    """The engine with a memory, where it is certain what it remembers."""
    identity = identity_of(checkpoint)
    if identity is None:
        return engine
    return Remembering(engine, EmbeddingCache(settings.VAR_DIR / "embeddings", identity))


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
