"""What pages, files and the command line tell of an election. Pure."""

import csv
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np

from aggregation.comparing import strays
from aggregation.elections import Election, Outcome, Prospect
from annotation.phrases import say
from annotation.spreadsheets import harmless


@dataclass(frozen=True)
class Cell:
    """A system's rank under a rule, empty where undefined. `differs`: from the middle of its own.

    ranks   the interval over resampled tasks, empty where it is the rank itself or unknown
    """

    rank: str
    ranks: str
    differs: bool
    first: bool


@dataclass(frozen=True)
class RuleRow:
    slug: str
    title: str
    cells: tuple[Cell, ...]
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class ProspectRow:
    """A system, whether some weights make it win, and the tasks that carry them."""

    system: str
    wins: bool
    margin: str
    tasks: str


def order(election: Election) -> list[int]:
    """Systems by their mean rank over the rules, best first."""
    ranks = np.array([outcome.rank for outcome in election.outcomes], dtype=np.float64)
    ranks[ranks == 0] = np.nan
    known = np.asarray(~np.isnan(ranks).all(axis=0))
    mean = np.full(len(known), np.inf)
    mean[known] = np.nanmean(ranks[:, known], axis=0)
    return [int(system) for system in np.lexsort((np.arange(len(mean)), mean))]


def rule_rows(election: Election) -> list[RuleRow]:
    """The matrix of rules and systems, systems in the order of `order`."""
    systems = order(election)
    differs = strays(np.array([outcome.rank for outcome in election.outcomes], dtype=np.int64))
    return [
        RuleRow(
            outcome.slug,
            outcome.title,
            tuple(_cell(outcome, system, bool(strange[system])) for system in systems),
            tuple(dict.fromkeys(warning.sentence for warning in outcome.warnings)),
        )
        for outcome, strange in zip(election.outcomes, differs, strict=True)
    ]


def _cell(outcome: Outcome, system: int, differs: bool) -> Cell:
    rank = int(outcome.rank[system])
    if not rank:
        return Cell("", "", False, False)
    low, high = rank, rank
    if outcome.rank_lo is not None and outcome.rank_hi is not None:
        low, high = int(outcome.rank_lo[system]), int(outcome.rank_hi[system])
    ranks = f"{low}–{high}" if low and high > low else ""
    return Cell(str(rank), ranks, differs, system in outcome.winners)


def prospect_rows(election: Election) -> list[ProspectRow]:
    """Who could win, in the order of the matrix."""
    by_system = {prospect.system: prospect for prospect in election.prospects}
    return [_prospect(election, by_system[system]) for system in order(election)]


def _prospect(election: Election, prospect: Prospect) -> ProspectRow:
    heavy = sorted(enumerate(prospect.weights), key=lambda pair: -pair[1])
    carried = [f"{election.table.tasks[t]} {w:.0%}" for t, w in heavy if w > 0.005][:6]
    margin = "" if np.isnan(prospect.margin) else f"{prospect.margin:.3f}".replace("-", "−")
    tasks = ", ".join(carried) if prospect.wins else ""
    return ProspectRow(election.table.systems[prospect.system], prospect.wins, margin, tasks)


def headline(election: Election) -> str:
    """Who wins under how many rules, and whether somebody beats everybody."""
    table = election.table
    deciding = [outcome for outcome in election.outcomes if outcome.winners]
    if not deciding:
        return _on_tasks(say("No rule names a winner"), len(table.tasks))
    said = []
    for winner, titles in list(election.winners.items())[:4]:
        alone = [o.title for o in deciding if o.winners == (winner,)]
        shared = len(titles) - len(alone)
        said.append(_under(table.systems[winner], len(titles), len(deciding), shared))
    first = _on_tasks("; ".join(said), len(table.tasks))
    if election.condorcet is None:
        return f"{first} {say('No system beats every other one, so the rule matters.')}"
    best = table.systems[election.condorcet]
    return f"{first} {say('“%(system)s” beats every other system.', system=best)}"


def _on_tasks(found: str, tasks: int) -> str:
    if tasks == 1:
        return say("%(found)s, on %(n)s task.", found=found, n=tasks)
    return say("%(found)s, on %(n)s tasks.", found=found, n=f"{tasks:,}")


def _under(system: str, wins: int, rules: int, shared: int) -> str:
    if not shared:
        return say(
            "“%(system)s” wins under %(n)s of %(rules)s rules", system=system, n=wins, rules=rules
        )
    return say(
        "“%(system)s” wins under %(n)s of %(rules)s rules (%(shared)s of them shared)",
        system=system,
        n=wins,
        rules=rules,
        shared=shared,
    )


def plain(election: Election) -> dict[str, Any]:
    """Plain data for JSON; undefined numbers are None."""
    table = election.table
    return {
        "systems": list(table.systems),
        "tasks": list(table.tasks),
        "weights": table.weight.tolist(),
        "lower_is_better": sorted(table.lower),
        "replicates": election.replicates,
        "level": election.level,
        "seed": election.seed,
        "headline": headline(election),
        "condorcet_winner": None
        if election.condorcet is None
        else table.systems[election.condorcet],
        "rules": [_plain_rule(election, outcome) for outcome in election.outcomes],
        "prospects": [
            {
                "system": table.systems[prospect.system],
                "could_win": prospect.wins,
                "margin": _number(prospect.margin),
                "weights": dict(zip(table.tasks, prospect.weights, strict=False)),
            }
            for prospect in election.prospects
        ],
    }


def _plain_rule(election: Election, outcome: Outcome) -> dict[str, Any]:
    names = election.table.systems
    return {
        "rule": outcome.slug,
        "title": outcome.title,
        "winners": [names[winner] for winner in outcome.winners],
        "systems": [
            {
                "system": name,
                "score": _number(float(outcome.score[k])),
                "rank": int(outcome.rank[k]) or None,
                "rank_lo": _place(outcome.rank_lo, k),
                "rank_hi": _place(outcome.rank_hi, k),
                "p_best": None if outcome.p_best is None else _number(float(outcome.p_best[k])),
            }
            for k, name in enumerate(names)
        ],
        "warnings": [
            {"code": str(warning.code), "sentence": warning.sentence}
            for warning in outcome.warnings
        ],
    }


def _place(column: Any, k: int) -> int | None:
    return None if column is None else int(column[k]) or None


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def as_csv(election: Election) -> str:
    """One line per rule and system."""
    stream = StringIO()
    writer = csv.writer(stream)
    columns = ["system", "score", "rank", "rank_lo", "rank_hi", "p_best"]
    writer.writerow(["rule", *columns])
    for rule in plain(election)["rules"]:
        for row in rule["systems"]:
            writer.writerow([rule["rule"], *(_cell_text(row[name]) for name in columns)])
    return stream.getvalue()


def _cell_text(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; empty for an unknown."""
    return "" if value is None else harmless(value)
