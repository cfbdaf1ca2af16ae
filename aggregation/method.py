"""What an aggregation method is, and what all of them share: conversion, bootstrap, ranks, winners,
warnings.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.links import Link
from aggregation.options import Options
from aggregation.personal.bench import Bench, nobody
from aggregation.resampling import active_clusters, knows_prompts, resample, varies_prompts
from aggregation.results import AggregateResult, AnnotatorQuality, CiMethod, Fit, ScoreKind
from aggregation.tables import (
    Comparisons,
    Labels,
    PairCounts,
    Ratings,
    Table,
    TableError,
    can_convert,
    convert,
)
from aggregation.tables.columns import Ids
from aggregation.uncertainty import (
    best_from_cov,
    best_from_replicates,
    competition_ranks,
    expanded_level,
    normal_quantile,
    percentile_bounds,
    rank_bounds_from_cov,
    rank_bounds_from_replicates,
    standard_errors,
)
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from aggregation.watching import watched
from annotation.phrases import say

Floats = NDArray[np.float64]
Family = Literal["consensus", "ranking", "social_choice", "scalars", "slates", "pluralism"]
COV_P_BEST_LIMIT = (
    512  # items; beyond, P(best) needs an eigendecomposition that costs more than the fit
)


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a method's own computation yields; `Method.fit` adds what all methods share.

    ranked=False: the scores don't order the items (posteriors of units, say), so there are no ranks
    or winners.
    winners=None: the items of the best rank win.
    committees: the winning slates, several where they tie or where a lottery is drawn over them
    (then with `committee_probs`); `conversions`: what the method itself did to the evidence;
    `input_digest`: what computes it when it is asked for, where it isn't the table's own.
    """

    score: Floats
    score_kind: ScoreKind
    ids: Ids | None = None
    cov: Floats | None = None
    se: Floats | None = None
    lo: Floats | None = None
    hi: Floats | None = None
    ci_method: CiMethod = "none"
    component: NDArray[Any] | None = None
    ranked: bool = True
    rank_lo: NDArray[Any] | None = None
    rank_hi: NDArray[Any] | None = None
    winners: tuple[int, ...] | None = None
    lottery: Floats | None = None
    committees: tuple[tuple[int, ...], ...] = ()
    committee_probs: tuple[float, ...] = ()
    tie_break: dict[str, Any] | None = None
    axioms: dict[str, Any] = field(default_factory=dict)
    classes: Ids = ()
    posterior: Floats | None = None
    label: NDArray[Any] | None = None
    annotators: AnnotatorQuality | None = None
    link: Link | None = None
    replicates: Floats | None = None
    fit: Fit = field(default_factory=Fit)
    warnings: tuple[ResultWarning, ...] = ()
    conversions: tuple[str, ...] = ()
    input_digest: Callable[[], str] | None = None


@dataclass(frozen=True, eq=False)
class Method:
    """An aggregation rule. Its slug is its file's name and its description is its module's
    docstring.

    consumes   kinds of table it reads, the natural one first; other kinds are converted where that
               is legal
    solve      (table, options, rng) -> Estimate
    options    frozen dataclass of options; a form is derived from it
    axioms     properties the rule has, by their names in social choice or statistics
    resample   its own faster resampling: (table, evidence, estimate, options) -> float64[B, K]
    sequential the order of judgments matters, as in Elo
    train      `solve` for a method that learns over many steps: it is told whom to tell of progress
               and where to keep checkpoints, (table, options, rng, bench) -> Estimate
    bootstrap  the default resampling applies (False: the rule can't be resampled or brings its own
               replicates)
    """

    title: str
    family: Family
    consumes: tuple[type[Any], ...]
    solve: Callable[[Any, Any, np.random.Generator], Estimate]
    reference: str
    options: type[Any] = Options
    axioms: tuple[str, ...] = ()
    version: str = "1"
    bootstrap: bool = True
    resample: Callable[[Any, Any, Estimate, Any], Floats | None] | None = None
    sequential: bool = False
    train: Callable[[Any, Any, np.random.Generator, Bench], Estimate] | None = None

    @property
    def slug(self) -> str:
        return self.solve.__module__.rpartition(".")[2]

    @property
    def description(self) -> str:
        """Model, formula, identifiability and failure: the docstring of the method's module."""
        return inspect.cleandoc(sys.modules[self.solve.__module__].__doc__ or "")

    def paragraphs(self) -> list[str]:
        """The description by paragraphs, each on one line unless its lines are laid out."""
        return [_on_one_line(text) for text in self.description.split("\n\n")]

    def accepts(self, kind: type[Any]) -> bool:
        """Whether a table of this kind can be read, if need be through a legal conversion."""
        return can_convert(kind, self.consumes)

    def fit(
        self,
        table: Table,
        options: Options | None = None,
        rng: np.random.Generator | None = None,
        bench: Bench | None = None,
    ) -> AggregateResult:
        """Aggregate a table. Data never raise: what is undefined comes back as NaN with a warning
        code.

        Raises TableError where the table's kind can't be converted or the machine's memory doesn't
        hold what the rule needs, TypeError for another method's options.
        `rng` replaces the generator that is otherwise made from `options.seed`; `bench` hears of
        progress, and what its `watch` raises ends the fit.
        """
        started = perf_counter()
        chosen = options if options is not None else self.options()
        if not isinstance(chosen, self.options):
            raise TypeError(
                f"{self.slug} takes {self.options.__name__}, not {type(chosen).__name__}."
            )
        try:
            with watched(nobody if bench is None else bench.watch):
                return self._fit(table, chosen, rng, bench, started)
        except MemoryError as error:
            raise TableError(
                say(
                    "“%(self_title)s” needs more memory than there is for %(ids)s items and "
                    "%(table)s judgments (%(error)s). Score fewer items, such as systems "
                    "instead of single responses, or choose a rule that counts pairs or "
                    "labels.",
                    self_title=self.title,
                    ids=f"{len(table.ids):,}",
                    table=f"{len(table):,}",
                    error=error,
                )
            ) from error

    def _fit(
        self,
        table: Table,
        chosen: Any,
        rng: np.random.Generator | None,
        bench: Bench | None,
        started: float,
    ) -> AggregateResult:
        generator = rng if rng is not None else np.random.default_rng(chosen.seed)
        evidence, conversions = convert(table, self.consumes)
        if self.train is not None and bench is not None:
            estimate = self.train(evidence, chosen, generator, bench)
        else:
            estimate = self.solve(evidence, chosen, generator)
        replicates = estimate.replicates
        if replicates is None and self.bootstrap and chosen.replicates:
            replicates = self._replicates(table, evidence, estimate, chosen)
        digest = estimate.input_digest
        record = {
            "method": self.slug,
            "params": dict(vars(chosen)),  # options are numbers and texts, nothing to copy deeply
            "version": self.version,
            "seed": chosen.seed if rng is None else None,
            "conversions": (*conversions, *estimate.conversions),
            "input_digest": table.digest if digest is None else digest,
        }
        ids = _item_ids(evidence, estimate)
        return _finish(estimate, replicates, chosen, ids, table, generator, record, started)

    def _replicates(
        self, table: Table, evidence: Any, estimate: Estimate, options: Options
    ) -> Floats | None:
        if self.resample is not None:
            return self.resample(table, evidence, estimate, options)
        return resample(self.solve, table, evidence, estimate, options)


def is_laid_out(paragraph: str) -> bool:
    """Whether its lines are laid out on purpose: then one of them is indented."""
    return any(line.startswith(" ") for line in paragraph.splitlines())


def _on_one_line(paragraph: str) -> str:
    return paragraph if is_laid_out(paragraph) else " ".join(paragraph.split())


def _item_ids(evidence: Any, estimate: Estimate) -> Ids:
    return estimate.ids if estimate.ids is not None else evidence.ids


def _finish(
    estimate: Estimate,
    replicates: Floats | None,
    options: Options,
    ids: Ids,
    table: Table,
    rng: np.random.Generator,
    record: dict[str, Any],
    started: float,
) -> AggregateResult:
    """The result: what the rule found, what follows from it, and the record of how it was made."""
    score = np.asarray(estimate.score, dtype=np.float64)
    component = _component(estimate, score)
    rank = competition_ranks(score, component) if estimate.ranked else None
    clusters = _clusters(table) if replicates is not None else 0
    spread = _spread(estimate, replicates, score, component, options, rng, clusters)
    if estimate.committees and "p_best" in spread and replicates is not None:
        spread["p_best"] = replicates.mean(axis=0)  # the chance of a seat
    winners = estimate.winners if estimate.winners is not None else _winners(rank, component)
    return AggregateResult(
        ids=ids,
        score=score,
        score_kind=estimate.score_kind,
        level=options.level,
        rank=rank,
        component=component if estimate.ranked else None,
        tiers=_tiers(rank, component),
        winners=winners,
        tie_break=estimate.tie_break,
        lottery=estimate.lottery,
        committees=estimate.committees,
        committee_probs=estimate.committee_probs,
        axioms=estimate.axioms,
        classes=estimate.classes,
        posterior=estimate.posterior,
        label=None if estimate.label is None else np.asarray(estimate.label, dtype=np.int64),
        annotators=estimate.annotators,
        link=estimate.link,
        replicates=replicates,
        fit=estimate.fit,
        warnings=_warnings(estimate, ids, table, winners, len(score), options),
        **spread,
        **record,
        elapsed_s=perf_counter() - started,
    )


def _component(estimate: Estimate, score: Floats) -> NDArray[np.int64]:
    if estimate.component is not None:
        return np.asarray(estimate.component, dtype=np.int64)
    return np.where(np.isnan(score), -1, 0).astype(np.int64)


def _spread(
    estimate: Estimate,
    replicates: Floats | None,
    score: Floats,
    component: NDArray[np.int64],
    options: Options,
    rng: np.random.Generator,
    clusters: int,
) -> dict[str, Any]:
    """Standard errors, bounds, rank bounds and P(best), from replicates where there are some."""
    known: dict[str, Any] = {
        "se": estimate.se,
        "lo": estimate.lo,
        "hi": estimate.hi,
        "cov": estimate.cov,
    }
    known |= {
        "ci_method": estimate.ci_method,
        "rank_lo": estimate.rank_lo,
        "rank_hi": estimate.rank_hi,
    }
    if replicates is not None:
        level = expanded_level(options.level, clusters)
        return known | _spread_of_replicates(replicates, component, level, estimate.ranked)
    if estimate.cov is None:
        return known
    se = standard_errors(estimate.cov)
    z = normal_quantile(options.level)
    known |= {"se": se, "lo": score - z * se, "hi": score + z * se}
    if estimate.ranked:
        low, high = rank_bounds_from_cov(score, estimate.cov, options.level, component)
        known |= {"rank_lo": low, "rank_hi": high}
        if (
            len(score) <= COV_P_BEST_LIMIT
            and component.max(initial=-1) == 0
            and np.isfinite(se).any()
        ):
            known["p_best"] = best_from_cov(score, estimate.cov, rng)
    return known


def _clusters(table: Table) -> int:
    """Annotators whose reweighting made the replicates; 0 where the table doesn't name them."""
    return 0 if isinstance(table, PairCounts) else active_clusters(table)


def _spread_of_replicates(
    replicates: Floats, component: NDArray[np.int64], level: float, ranked: bool
) -> dict[str, Any]:
    if len(replicates) < 2:
        nothing = np.full(replicates.shape[1], np.nan)
        return {"se": nothing, "lo": nothing, "hi": nothing, "ci_method": "bootstrap"}
    low, high = percentile_bounds(replicates, level)
    spread: dict[str, Any] = {"lo": low, "hi": high, "ci_method": "bootstrap"}
    defined = np.isfinite(replicates).all(axis=0)
    spread["se"] = np.where(
        defined, np.std(np.where(defined, replicates, 0.0), axis=0, ddof=1), np.nan
    )
    if ranked:
        rank_lo, rank_hi = rank_bounds_from_replicates(replicates, level, component)
        spread |= {"rank_lo": rank_lo, "rank_hi": rank_hi}
        if component.max(initial=-1) == 0:
            spread["p_best"] = best_from_replicates(replicates)
    return spread


def _winners(rank: NDArray[np.int64] | None, component: NDArray[np.int64]) -> tuple[int, ...]:
    if rank is None or component.max(initial=-1) > 0:
        return ()
    return tuple(np.flatnonzero(rank == 1).tolist())


def _tiers(
    rank: NDArray[np.int64] | None, component: NDArray[np.int64]
) -> tuple[tuple[int, ...], ...]:
    if rank is None or component.max(initial=-1) > 0:
        return ()
    order = np.argsort(rank, kind="stable")
    order = order[rank[order] > 0]
    if not len(order):
        return ()
    ends = [0, *(np.flatnonzero(np.diff(rank[order])) + 1).tolist(), len(order)]
    placed = order.tolist()
    return tuple(tuple(placed[start:end]) for start, end in pairwise(ends))


def _warnings(
    estimate: Estimate,
    ids: Ids,
    table: Table,
    winners: tuple[int, ...],
    n_items: int,
    options: Options,
) -> tuple[ResultWarning, ...]:
    """The method's own warnings and those that depend on the table alone, each code once."""
    found = list(estimate.warnings)
    if not len(table):
        found.append(warn(WarningCode.EMPTY, say("no judgments")))
    elif _weightless(table):
        found.append(warn(WarningCode.EMPTY, say("no judgment has any weight")))
    if n_items == 1:
        found.append(warn(WarningCode.SINGLE_ITEM))
    if _single_annotator(table):
        found.append(warn(WarningCode.SINGLE_ANNOTATOR))
    if options.replicates and varies_prompts(options) and not knows_prompts(table):
        found.append(warn(WarningCode.PROMPTS_UNKNOWN))
    if len(winners) > 1 and not estimate.committees:
        found.append(
            warn(
                WarningCode.TIE_UNRESOLVED,
                say("%(n)s items", n=len(winners)),
                (ids[w] for w in winners),
            )
        )
    if not estimate.fit.converged:
        found.append(
            warn(WarningCode.NOT_CONVERGED, say("after %(n)s steps", n=estimate.fit.iters))
        )
    unique = {warning.code: warning for warning in reversed(found)}
    return tuple(unique[code] for code in WarningCode if code in unique)


def _weightless(table: Table) -> bool:
    weight = getattr(table, "weight", None)
    return weight is not None and not (weight > 0).any()


def _single_annotator(table: Table) -> bool:
    who = getattr(table, "annotator", None)
    if who is None or not len(who):
        return False
    return bool(who[0] == who[-1] and (who == who[0]).all() and who[0] >= 0)


__all__ = ["Comparisons", "Estimate", "Labels", "Method", "Ratings"]
