"""Comparisons whose texts carry frozen embeddings."""

import hashlib
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.tables.columns import Ints, Singles, TableError, as_column
from aggregation.tables.comparisons import Comparisons
from annotation.phrases import say


@dataclass(frozen=True, eq=False)
class EmbeddedComparisons(Comparisons):
    """Comparisons that also say which text stood on each side.

    vectors         float32[M, D], one frozen embedding per text
    text_a, text_b  int32[N], rows of `vectors`; -1 where a text has none
    encoder         name of what made the vectors
    """

    vectors: Singles | None = None
    text_a: Ints | None = None
    text_b: Ints | None = None
    encoder: str = ""

    @classmethod
    def of(
        cls,
        table: Comparisons,
        vectors: ArrayLike,
        text_a: ArrayLike,
        text_b: ArrayLike,
        encoder: str = "",
    ) -> Self:
        """The table with vectors for its texts. Raises TableError for a bad shape or reference."""
        known = np.asarray(vectors, dtype=np.float32)
        if known.ndim != 2 or not np.isfinite(known).all():
            raise TableError(say("Embeddings must be a table of finite numbers, one row per text."))
        sides: dict[str, Any] = {"vectors": known, "encoder": encoder}
        for name, side in (("text_a", text_a), ("text_b", text_b)):
            column = as_column(side, name, np.int32, len(table))
            if column.size and (column.min() < -1 or column.max() >= len(known)):
                raise TableError(
                    say(
                        "Column '%(name)s' refers to a text without a row of embeddings.", name=name
                    )
                )
            sides[name] = column
        columns = {f.name: getattr(table, f.name) for f in fields(Comparisons)}
        return cls(**{**columns, **sides})

    def take(self, rows: NDArray[Any]) -> Self:
        kept = super().take(rows)
        assert self.text_a is not None
        assert self.text_b is not None
        plain = {f.name: getattr(kept, f.name) for f in fields(kept)}
        return type(self)(**{**plain, "text_a": self.text_a[rows], "text_b": self.text_b[rows]})

    def __add__(self, other: Comparisons) -> Self:
        if not isinstance(other, EmbeddedComparisons) or not np.array_equal(
            self._known(), other._known()
        ):
            raise TableError(say("Only tables over the same embeddings can be added."))
        whole = super().__add__(other)  # type: ignore[operator]
        plain = {f.name: getattr(whole, f.name) for f in fields(whole)}
        sides = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("text_a", "text_b")
        }
        return type(self)(**{**plain, **sides})

    def _known(self) -> Singles:
        return np.zeros((0, 0), dtype=np.float32) if self.vectors is None else self.vectors

    def digest(self) -> str:
        """SHA-256 over the comparisons, the vectors and which text stood where."""
        sha = hashlib.sha256(super().digest().encode())
        for column in (self.vectors, self.text_a, self.text_b):
            sha.update(b"|" if column is None else np.ascontiguousarray(column).data)
        return sha.hexdigest()
