"""Bootstrap of any method: reweight the annotators and solve again, with flat memory."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.tables import Comparisons, PairCounts, Table
from aggregation.tables.pair_cells import PairCells
from aggregation.uncertainty import cluster_weight_rows

Floats = NDArray[np.float64]


def resample(
    solve: Callable[[Any, Any, np.random.Generator], Any],
    table: Table,
    evidence: Any,
    estimate: Any,
    options: Any,
) -> Floats | None:
    """Scores float64[B, K] under B reweightings of the annotators; None where the table names no
    clusters.

    A single cluster has no spread to show: the answer is one row of NaN-free scores, which yields
    NaN errors.
    """
    if isinstance(table, PairCounts):
        return None
    quiet = replace(options, replicates=0)
    rows = [
        solve(again, quiet, np.random.default_rng([options.seed, b])).score
        for b, again in enumerate(_replicates(table, evidence, options))
    ]
    return (
        np.array(rows, dtype=np.float64).reshape(len(rows), len(estimate.score)) if rows else None
    )


def _replicates(table: Any, evidence: Any, options: Any) -> Iterator[Any]:
    _, count = table.clusters
    if active_clusters(table) < 2:
        return
    if isinstance(evidence, PairCounts):
        yield from PairCells.of(table).replicates(
            cluster_weight_rows(options.seed, options.replicates, count)
        )
        return
    source = evidence if type(evidence) is not type(table) else table
    codes, own = source.clusters
    for block in cluster_weight_rows(options.seed, options.replicates, max(count, own)):
        for weights in block:
            yield source.reweighted(weights[codes])


def active_clusters(table: Any) -> int:
    codes, count = table.clusters
    if isinstance(table, Comparisons) and table.annotator is None:
        return len(codes)
    return int((np.bincount(codes, minlength=count) > 0).sum())
