"""Bootstrap of any method: reweight the annotators, or annotators and prompts at once, and solve
again, with flat memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.tables import Comparisons, PairCounts, Table
from aggregation.tables.columns import clusters_of, numbered
from aggregation.tables.pair_cells import PairCells
from aggregation.uncertainty import cluster_weight_rows, two_way_shrunk, two_way_weight_rows
from aggregation.watching import step

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

    A single cluster has no spread to show: the answer is None. Where prompts vary too, every
    replicate is solved three times: with both, and with either alone, which tells how much the
    first overstates (`two_way_shrunk`).
    """
    if isinstance(table, PairCounts) or active_clusters(table) < 2:
        return None
    quiet = replace(options, replicates=0)
    crossed = varies_prompts(options) and knows_prompts(table)
    total = options.replicates * (3 if crossed else 1)

    def scores(tables: Iterator[Any], done: int = 0) -> Floats:
        rows = []
        for b, again in enumerate(tables):
            step(done + b, total)
            rows.append(solve(again, quiet, np.random.default_rng([options.seed, b])).score)
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(estimate.score))

    if not crossed:
        return scores(_replicates(table, evidence, options))
    both, people, prompts = (
        scores(_two_way(table, evidence, options, vary), done * options.replicates)
        for done, vary in enumerate(((True, True), (True, False), (False, True)))
    )
    return two_way_shrunk(both, people, prompts) if len(both) > 1 else both


def resample_side_by_side(
    table: Any, options: Any, fit: Callable[[Floats, Floats], Floats]
) -> Floats:
    """Scores float64[B, K] of many reweightings of the annotators at once: `fit` gives those of
    blocks of (wins, ties), each float64[b, K, K]. For few items.
    """
    _, clusters = table.clusters
    weights = cluster_weight_rows(options.seed, options.replicates, clusters)
    drawn: list[Floats] = []
    for wins, ties in PairCells.of(table).blocks(weights):
        drawn.append(fit(wins, ties))
        step(sum(map(len, drawn)), options.replicates)
    return np.concatenate(drawn)


def varies_prompts(options: Any) -> bool:
    """Whether prompts are to vary as well as annotators."""
    return getattr(options, "vary", "annotators") == "annotators_and_prompts"


def knows_prompts(table: Any) -> bool:
    """Whether some row says which prompt (group) it belongs to."""
    group = getattr(table, "group", None)
    return group is not None and len(group) > 0 and bool((group >= 0).any())


def _replicates(table: Any, evidence: Any, options: Any) -> Iterator[Any]:
    _, count = table.clusters
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


def _two_way(table: Any, evidence: Any, options: Any, vary: tuple[bool, bool]) -> Iterator[Any]:
    """Replicates under product weights of annotator and prompt, or of one of them; counts are
    grouped by the two.
    """
    if isinstance(evidence, PairCounts):
        cells, who, prompt, sizes = _crossed(table)
        grouped = replace(table, annotator=cells, annotator_ids=numbered(len(who)))
        yield from PairCells.of(grouped).replicates(
            two_way_weight_rows(options.seed, options.replicates, who, prompt, sizes, vary=vary)
        )
        return
    source = evidence if type(evidence) is not type(table) else table
    cells, who, prompt, sizes = _crossed(source)
    for block in two_way_weight_rows(
        options.seed, options.replicates, who, prompt, sizes, vary=vary
    ):
        for weights in block:
            yield source.reweighted(weights[cells])


def _crossed(table: Any) -> tuple[Any, Any, Any, tuple[int, int]]:
    """Cell of each row, annotator and prompt of each cell, and the numbers of both.

    A row of an unknown annotator or prompt is a cluster of its own on that side.
    """
    who, people = table.clusters
    prompt, prompts = clusters_of(table.group, len(who), len(table.group_ids))
    key, cell = np.unique(who.astype(np.int64) * prompts + prompt, return_inverse=True)
    cells = cell.astype(np.int32)
    return cells, key // prompts, key % prompts, (people, prompts)


def active_clusters(table: Any) -> int:
    codes, count = table.clusters
    if isinstance(table, Comparisons) and table.annotator is None:
        return len(codes)
    return int((np.bincount(codes, minlength=count) > 0).sum())
