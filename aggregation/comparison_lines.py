"""Rules compared on a command line: what hangs on the rule, which predicts people best. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

from aggregation.diagnostics.annotators import as_pairs
from aggregation.diagnostics.cross_validation import CrossValidation, HeldOut, cross_validate
from aggregation.diagnostics.held_out_calibration import BINS
from aggregation.diagnostics.multiplicity import AcrossRules, across_rules
from aggregation.method import Method
from aggregation.results import AggregateResult
from aggregation.tables import Ballots, Comparisons, Table


def show_differences(
    rules: Sequence[tuple[Method, Any]],
    results: Sequence[AggregateResult],
    table: Table,
    screen: Console,
) -> None:
    """Multiplicity over the results, and the held-out log loss of rules that read pairs."""
    show_multiplicity(across_rules(results), screen)
    if isinstance(table, Comparisons | Ballots):
        show_held_out(held_out(rules, table), screen)


def held_out(
    rules: Sequence[tuple[Method, Any]], table: Comparisons | Ballots
) -> CrossValidation | None:
    """Log loss of (method, options) on annotators that were held out, without the bootstrap."""
    pairs = as_pairs(table)
    assert pairs is not None
    plain = [
        (method.slug, method, replace(options, replicates=0))
        for method, options in rules
        if method.accepts(Comparisons)
    ]
    return cross_validate(plain, pairs)


def show_multiplicity(across: AcrossRules, screen: Console) -> None:
    """How much hangs on the rule, in a line."""
    if across.pairs:
        screen.print(
            f"{across.ambiguous_pairs} of {across.pairs} pairs stand in another order under some "
            f"rule; {len(across.winners)} of the items win under at least one."
        )
    if across.units:
        screen.print(
            f"{across.ambiguous_units} of {across.units} units get another label under some rule."
        )


def show_held_out(held: CrossValidation | None, screen: Console) -> None:
    """Log loss per rule on held-out annotators, best first."""
    if held is None:
        screen.print("Log loss on held-out annotators needs at least two annotators.")
        return
    told = sorted((rule for rule in held.rules if not rule.why), key=lambda each: each.loss)
    if told:
        screen.print(_losses(told, held))
        screen.print(
            "Brier scores and expected calibration errors (ECE) are of the favourite's chance, in "
            f"{BINS} bins from 50 to 100 %; n = {held.judgments:,} each."
        )
    for why in dict.fromkeys(rule.why for rule in held.rules if rule.why):
        names = ", ".join(rule.method for rule in held.rules if rule.why == why)
        screen.print(f"No log loss on held-out annotators of {names}: {why}")


def _losses(told: Sequence[HeldOut], held: CrossValidation) -> Grid:
    title = f"Log loss on held-out annotators, {held.folds} folds (a coin: {held.coin:.4f})"
    grid = Grid(title=title, title_justify="left")
    headings = ("rule", "log loss", "± at 95 %", "behind the best", "Brier", "ECE")
    for heading in headings:
        first = heading == "rule"
        grid.add_column(heading, justify="left" if first else "right", no_wrap=first)
    for rule in told:
        known = rule.behind_se == rule.behind_se
        behind = f"{rule.behind:.4f} ± {1.96 * rule.behind_se:.4f}" if known else "best"
        true = rule.calibration
        more = () if true is None else (_plus_minus(true.brier, true.brier_se), f"{true.ece:.4f}")
        grid.add_row(rule.method, f"{rule.loss:.4f}", f"{1.96 * rule.se:.4f}", behind, *more)
    return grid


def _plus_minus(value: float, se: float) -> str:
    return f"{value:.4f} ± {1.96 * se:.4f}" if se == se else f"{value:.4f}"
