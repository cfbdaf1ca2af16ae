"""What pages show of a result: rows, charts and sentences, made from the stored run."""

from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from aggregation.catalogue import method_title
from aggregation.chart_markup import chart_markup
from aggregation.charts import Bar, Estimate, bars, forest
from aggregation.comparing import strays
from aggregation.curation import Preview
from aggregation.models import Run, Score
from aggregation.results import AggregateResult, CiMethod, MethodComparison, ResultWarning
from aggregation.slates.in_words import (
    PurchaseLine,
    proofs,
    purchase_lines,
    purchase_sentence,
    slate_lines,
)
from aggregation.wording import SHARES, UNITS, headline, named, number
from annotation.phrases import say
from annotation.telling import told

MOST_ROWS = 200
MOST_MARKS = 60


@dataclass(frozen=True)
class ScoreRow:
    """One line of the table; numbers are said already, empty where they are unknown."""

    item: str
    rank: str
    ranks: str
    score: str
    interval: str
    judgments: int
    label: str = ""


@dataclass(frozen=True)
class RunView:
    """A finished run as its page shows it."""

    run: Run
    result: AggregateResult
    headline: str
    unit: str
    rows: tuple[ScoreRow, ...]
    labels: bool
    total: int
    chart: SafeString
    warnings: tuple[ResultWarning, ...]
    slates: tuple[tuple[str, str], ...] = ()
    proofs: tuple[tuple[str, bool], ...] = ()
    purchases: tuple[PurchaseLine, ...] = ()
    purchased: str = ""

    @property
    def intervals(self) -> str:
        """What the intervals are made of, in a sentence."""
        level = f"{100 * self.result.level:g}"
        return _how_sure(level)[self.result.ci_method]


def _how_sure(level: str) -> dict[CiMethod, str]:
    return {
        "none": _("This rule gives no intervals."),
        "hessian": _(
            "%(level)s %% intervals by the curvature of the likelihood, as if all judgments were "
            "independent."
        )
        % {"level": level},
        "sandwich": _("%(level)s %% intervals over single judgments.") % {"level": level},
        "cluster": _("%(level)s %% intervals over annotators.") % {"level": level},
        "bootstrap": _("%(level)s %% intervals by the bootstrap.") % {"level": level},
        "posterior": _("%(level)s %% intervals of the posterior.") % {"level": level},
    }


@dataclass(frozen=True)
class MatrixRow:
    """An item's rank under each rule (0: none), marked where it differs; and the largest gap."""

    item: str
    cells: tuple[tuple[int, bool], ...]
    spread: int


def run_view(run: Run) -> RunView:
    """The page's view of a finished run."""
    result = run.aggregate()
    scores = sorted(run.scores.all(), key=_best_first)
    return RunView(
        run=run,
        result=result,
        headline=headline(result, run.judgments or 0, run.annotators or 0),
        unit=UNITS.get(result.score_kind, result.score_kind),
        rows=tuple(_row(score, result) for score in scores[:MOST_ROWS]),
        labels=result.label is not None,
        total=len(scores),
        chart=_forest(run, result, scores),
        warnings=result.warnings,
        slates=tuple(slate_lines(result)),
        proofs=tuple(proofs(result)),
        purchases=tuple(purchase_lines(result)),
        purchased=purchase_sentence(result),
    )


def matrix(comparison: MethodComparison) -> list[MatrixRow]:
    """Items as rows, rules as columns; ranks that differ from most others are marked."""
    rows = []
    order = sorted(range(len(comparison.ids)), key=lambda k: _mean_rank(comparison, k))
    differs = strays(comparison.rank)
    for k in order[:MOST_ROWS]:
        cells = tuple(zip(comparison.rank[:, k].tolist(), differs[:, k].tolist(), strict=True))
        rows.append(MatrixRow(named(comparison.ids[k]), cells, int(comparison.spread[k])))
    return rows


def preview_chart(preview: Preview) -> SafeString:
    """Pairs kept under each tie policy."""
    names = {
        "half": _("Half for each side"),
        "ignore": _("Not counted"),
        "own": _("An answer of its own"),
    }
    return chart_markup(
        bars(
            "ties",
            [
                Bar(
                    names[way.name],
                    way.kept,
                    _("%(n)s of %(total)s")
                    % {"n": told(f"{way.kept:,}"), "total": told(f"{preview.pairs:,}")},
                    way.chosen,
                )
                for way in preview.ties
            ],
            title=_("Pairs kept, by what a vote for “about the same” counts"),
            most=preview.pairs or None,
        )
    )


def _forest(run: Run, result: AggregateResult, scores: list[Score]) -> SafeString:
    if result.rank is None:
        return chart_markup("")
    shown = [score for score in scores if score.score is not None][:MOST_MARKS]
    even = 0.5 if result.score_kind in SHARES else None
    return chart_markup(
        forest(
            f"forest-{run.method}",
            [
                Estimate(
                    score.item,
                    score.score or 0.0,
                    score.lo,
                    score.hi,
                    _("rank %(rank)s") % {"rank": _ranks(score)} if score.rank else "",
                )
                for score in shown
            ],
            title=_("Scores by %(rule)s") % {"rule": told(method_title(run.method))},
            unit=told(UNITS.get(result.score_kind, result.score_kind)),
            reference=even if run.method == "win_rate" else None,
        )
    )


def _best_first(score: Score) -> tuple[bool, float, int]:
    return (score.score is None, -(score.score or 0.0), score.position)


def _label(score: Score, result: AggregateResult) -> str:
    """The unit's label in words; for a pair, the item that was preferred."""
    if result.label is None:
        return ""
    code = int(result.label[score.position])
    if code < 0:
        return "undecided"
    label, key = str(result.classes[code]), result.ids[score.position]
    if set(result.classes) == {"first", "tie", "second"} and isinstance(key, tuple):
        return {"first": str(key[-2]), "second": str(key[-1]), "tie": say("about the same")}[label]
    return label


def _row(score: Score, result: AggregateResult) -> ScoreRow:
    known = score.lo is not None and score.hi is not None
    return ScoreRow(
        item=score.item,
        rank=str(score.rank or ""),
        ranks=_ranks(score) if score.rank_lo else "",
        score=number(score.score),
        interval=f"[{number(score.lo)}, {number(score.hi)}]" if known else "",
        judgments=score.judgments,
        label=_label(score, result),
    )


def _ranks(score: Score) -> str:
    if score.rank_lo and score.rank_hi and score.rank_lo != score.rank_hi:
        return f"{score.rank_lo}–{score.rank_hi}"
    return str(score.rank or "")


def _mean_rank(comparison: MethodComparison, k: int) -> float:
    known = [int(rank) for rank in comparison.rank[:, k] if rank]
    return sum(known) / len(known) if known else float("inf")
