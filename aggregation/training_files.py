"""A run's folder for training: the checkpoint while it trains, the model once it has finished.

Files are safetensors, written beside and renamed: a reader finds the old one or the new one whole.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aggregation.personal.bench import Arrays

CHECKPOINT, MODEL = "checkpoint.safetensors", "model.safetensors"


@dataclass(frozen=True)
class TrainingFiles:
    """Keeps checkpoints in `folder`, which is made on the first one."""

    folder: Path

    def load(self) -> Arrays | None:
        """The last checkpoint, or None."""
        from safetensors.numpy import load_file

        path = self.folder / CHECKPOINT
        return dict(load_file(path)) if path.exists() else None

    def save(self, arrays: Arrays) -> None:
        self._write(CHECKPOINT, arrays)

    def keep(self, arrays: Arrays) -> None:
        self._write(MODEL, arrays)

    def model(self) -> Arrays | None:
        """The finished model, or None."""
        from safetensors.numpy import load_file

        path = self.folder / MODEL
        return dict(load_file(path)) if path.exists() else None

    def forget_checkpoint(self) -> None:
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, name: str, arrays: Arrays) -> None:
        from safetensors.numpy import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f"{name}.partial"
        save_file({n: np.ascontiguousarray(a) for n, a in arrays.items()}, beside)
        beside.replace(self.folder / name)
