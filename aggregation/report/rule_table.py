"""One row per rule: what it chooses, what that is worth to each group, how sure the pick is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.pluralism import rules
from aggregation.pluralism.welfare import regret, welfare
from aggregation.report.figures import Figure, listed, tidy, unknown
from aggregation.report.picks import picks_of
from aggregation.report.study import SMALLEST_CELL, Study
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

CHOSEN = say("what the rule does on these judgments, not an estimate")
FEW_HERE = say("fewer than five people of the group judged here, so not shown")
TIE_BELOW = 0.9  # share of resamples with the same pick
ALPHAS = (1.0, 2.0)

TITLES = {
    "plurality": say("Plurality"),
    "bradley_terry": say("Bradley–Terry, everybody pooled"),
    "borda": "Borda",
    "utilitarian": say("Largest mean welfare"),
    "maximal_lottery": say("Maximal lottery"),
    "maxmin_pick": say("MaxMin pick"),
    "maxmin_lottery": say("MaxMin lottery"),
    "minimax_regret_pick": say("Least worst regret, pick"),
    "minimax_regret_lottery": say("Least worst regret, lottery"),
    "alpha_fair(1)": say("α-fair, α = 1 (Nash)"),
    "alpha_fair(2)": "α-fair, α = 2",
}
SHOWN_FIRST = ("bradley_terry", "maxmin_pick")
LOTTERIES = ("maximal_lottery", "maxmin_lottery", "minimax_regret_lottery")


@dataclass(frozen=True)
class Chance:
    item: str
    chance: Figure


@dataclass(frozen=True)
class RuleRow:
    """A rule's choice and its value. `frequency`: how often resamples pick the same."""

    rule: str
    title: str
    choice: tuple[Chance, ...]
    said: str
    welfare: tuple[Figure, ...]
    regret: tuple[Figure, ...]
    minimum: Figure
    mean: Figure
    largest_regret: Figure
    frequency: Figure
    verdict: str
    least_served: str
    binding: tuple[str, ...]


@dataclass(frozen=True)
class ItemRow:
    """One item's welfare and regret in each group."""

    item: str
    welfare: tuple[Figure, ...]
    regret: tuple[Figure, ...]
    minimum: Figure


@dataclass(frozen=True, eq=False)
class Choices:
    """A rule's lotteries, one per part; and per part the first pick (-1: a true lottery)."""

    decisions: list[rules.Decision]

    @property
    def picks(self) -> Longs:
        return np.array([d.picks[0] if d.picks else -1 for d in self.decisions], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Valued:
    """Utilities of each part, [G, n] each; and of each resample, [B, G, n] each (None: none)."""

    shares: Floats
    parts: list[Floats]
    drawn_shares: Floats | None
    drawn: list[Floats] | None


def decided(valued: Valued) -> dict[str, list[rules.Decision]]:
    found: dict[str, list[rules.Decision]] = {name: [] for name in TITLES}
    for u in valued.parts:
        for name, decision in rules.decisions(u, valued.shares).items():
            found[name].append(decision)
        W = welfare(u)
        for alpha in ALPHAS:
            found[f"alpha_fair({alpha:g})"].append(rules.alpha_fair(W, valued.shares, alpha))
    return found


def picks_again(valued: Valued) -> dict[str, Longs] | None:
    """Per pick rule the first pick of each resample and part, int64[B, P]."""
    if valued.drawn is None or valued.drawn_shares is None:
        return None
    columns: dict[str, list[Longs]] = {}
    for u in valued.drawn:
        for rule, picks in picks_of(u, valued.drawn_shares).items():
            columns.setdefault(rule, []).append(picks)
    return {rule: np.stack(picks, axis=1) for rule, picks in columns.items()}


def rule_row(
    study: Study,
    name: str,
    chosen: Choices,
    worth: list[Floats] | None,
    again: dict[str, Longs] | None,
) -> RuleRow:
    lotteries = [d.lottery for d in chosen.decisions]
    value, lost, drawn, drawn_lost = values_of(study, lotteries, worth)
    n, of = basis(study)
    shares_b = None if study.draws is None else study.draws.shares
    fewest = float(study.heads.min())

    def column(values: Floats | None, g: int) -> Floats | None:
        return None if values is None else values[:, g]

    frequency = _frequency(study, name, chosen, again)
    single = len(chosen.decisions) == 1
    decision = chosen.decisions[0]
    mean_b = None if drawn is None or shares_b is None else (drawn * shares_b).sum(axis=1)
    return RuleRow(
        rule=name,
        title=TITLES[name],
        choice=_choice(study, decision) if single else (),
        said=said_choice(study, decision)
        if single
        else say("chosen per %(unit_of)s", unit_of=unit_of(study)),
        welfare=tuple(
            study.figure(value[g], column(drawn, g), n, of, study.heads[g]) for g in range(study.G)
        ),
        regret=tuple(
            study.figure(lost[g], column(drawn_lost, g), n, of, study.heads[g])
            for g in range(study.G)
        ),
        minimum=study.figure(
            float(value.min()), None if drawn is None else drawn.min(axis=1), n, of, fewest
        ),
        mean=study.figure(float(study.shares @ value), mean_b, n, of),
        largest_regret=study.figure(
            float(lost.max()),
            None if drawn_lost is None else drawn_lost.max(axis=1),
            n,
            of,
            fewest,
        ),
        frequency=frequency,
        verdict=_verdict(name, decision, frequency, single),
        least_served=study.found.names[int(value.argmin())] if study.several else "",
        binding=_binding(study, decision) if single else (),
    )


def values_of(
    study: Study, lotteries: list[Floats], worth: list[Floats] | None
) -> tuple[Floats, Floats, Floats | None, Floats | None]:
    """Welfare and regret by group [G], and the same under resamples [B, G], averaged over parts."""
    tables = [welfare(study.utilities[:, part]) for part in study.parts]
    value = np.mean([W @ p for W, p in zip(tables, lotteries, strict=True)], axis=0)
    lost = np.mean([regret(W) @ p for W, p in zip(tables, lotteries, strict=True)], axis=0)
    if worth is None:
        return value, lost, None, None
    drawn = np.mean([W @ p for W, p in zip(worth, lotteries, strict=True)], axis=0)
    best = np.mean([W.max(axis=2) for W in worth], axis=0)
    return value, lost, drawn, best - drawn


def basis(study: Study) -> tuple[float, str]:
    return float(study.found.n_people), "people"


def unit_of(study: Study) -> str:
    return "statement" if study.material.level == "statements" else "prompt"


def _choice(study: Study, decision: rules.Decision) -> tuple[Chance, ...]:
    part = study.parts[0]
    order = np.argsort(-decision.lottery, kind="stable")
    return tuple(
        Chance(
            study.names.item(int(part[i])),
            Figure(tidy(decision.lottery[i]), *basis(study), why=CHOSEN),
        )
        for i in order
        if decision.lottery[i] > 1e-6
    )


def said_choice(study: Study, decision: rules.Decision) -> str:
    part, item = study.parts[0], study.names.item
    if len(decision.picks) == 1:
        return item(int(part[decision.picks[0]]))
    if decision.picks:
        return say(
            "tied: %(items_list)s", items_list=listed([item(int(part[i])) for i in decision.picks])
        )
    chances = _choice(study, decision)
    return ", ".join(f"{each.item} {100 * (each.chance.value or 0):.0f} %" for each in chances)


def _frequency(study: Study, name: str, chosen: Choices, again: dict[str, Longs] | None) -> Figure:
    if again is None:
        return unknown(study.why_no_interval)
    if name not in again:
        return unknown(say("lotteries aren't drawn again for resamples"))
    picks = again[name]
    own = say("itself made of resamples")
    if len(chosen.decisions) == 1:
        same = np.isin(picks[:, 0], chosen.decisions[0].picks).mean()
        return Figure(tidy(same), len(picks), "resamples", why=own)
    same_b = (picks == chosen.picks[None, :]).mean(axis=0)
    return Figure(tidy(same_b.mean()), len(same_b), f"{unit_of(study)}s", why=own)


def _verdict(name: str, decision: rules.Decision, frequency: Figure, single: bool) -> str:
    if name in LOTTERIES:
        return say("lottery")
    if not single:
        return say("per prompt")
    if len(decision.picks) > 1:
        return say("tie")
    if frequency.value is None:
        return say("not known")
    return say("clear") if frequency.value >= TIE_BELOW else say("tie")


def _binding(study: Study, decision: rules.Decision) -> tuple[str, ...]:
    if decision.binding is None or not study.several:
        return ()
    return tuple(
        name for name, w in zip(study.found.names, decision.binding, strict=True) if w > 1e-6
    )


def item_rows(study: Study, worth: list[Floats] | None, p: int = 0) -> tuple[ItemRow, ...]:
    """Every item of a choice with what it is worth to each group, largest mean welfare first.

    A group of which fewer than five people judged here is left silent, and so is the least-served.
    """
    part = study.parts[p]
    W = welfare(study.utilities[:, part])
    R = regret(W)
    n, of = basis(study)
    drawn = None if worth is None else worth[p]
    lost = None if drawn is None else drawn.max(axis=2, keepdims=True) - drawn
    order = np.argsort(-(study.shares @ W), kind="stable")
    heard = heard_on(study, p) >= SMALLEST_CELL

    def figure(table: Floats, draws: Floats | None, g: int, i: int) -> Figure:
        if not heard[g]:
            return unknown(FEW_HERE)
        column = None if draws is None else draws[:, g, i]
        return study.figure(table[g, i], column, n, of, study.heads[g])

    def least(i: int) -> Figure:
        if not heard.all():
            return unknown(FEW_HERE)
        column = None if drawn is None else drawn[:, :, i].min(axis=1)
        return study.figure(float(W[:, i].min()), column, n, of, float(study.heads.min()))

    groups = range(study.G)
    return tuple(
        ItemRow(
            study.names.item(int(part[i])),
            tuple(figure(W, drawn, g, i) for g in groups),
            tuple(figure(R, lost, g, i) for g in groups),
            least(i),
        )
        for i in order.tolist()
    )


def heard_on(study: Study, p: int) -> Longs:
    """Voices of each group that judged within one choice, int64[G]."""
    cells = study.cells
    inside = np.zeros(max(study.table.n_items, 1), dtype=bool)
    inside[study.parts[p]] = True
    voices = np.unique(cells.voice[inside[cells.low[cells.pair]]])
    return np.bincount(study.side[voices], minlength=study.G + 1)[: study.G]
