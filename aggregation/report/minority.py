"""What a minority would lose: where a smaller group wants the other side, in its own words.

A pair is listed when a group with less than half of the people takes the other side than all people
together in more than 90 % of resamples, sorted by share times distance. Reasons are quoted without
names, from members who took their group's side; a group of fewer than five people isn't quoted.
"""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.report.figures import Figure, percent, tidy, unknown
from aggregation.report.material import Reason
from aggregation.report.study import SMALLEST_CELL, Study
from annotation.phrases import capital, say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

CERTAIN = 0.9
LISTED = 8
QUOTES = 3
LONGEST_QUOTE = 400
FILTERED = 0.2  # share of votes that a filter on strength would drop


@dataclass(frozen=True)
class Quote:
    text: str
    context: str


@dataclass(frozen=True)
class Dissent:
    """A pair on which a minority takes the other side."""

    group: str
    preference: str
    here: Figure
    everybody: Figure
    opposite: Figure
    quotes: tuple[Quote, ...]
    why_no_quotes: str


@dataclass(frozen=True)
class Served:
    """What models and filters do to one group."""

    group: str
    single_model: Figure
    own_model: Figure
    filtered_plain: Figure
    filtered_aware: Figure
    warned: bool


@dataclass(frozen=True)
class Minority:
    dissents: tuple[Dissent, ...]
    served: tuple[Served, ...]
    filter_rate: Figure
    why_none: str
    sentences: tuple[str, ...]


def minority(study: Study) -> Minority:
    votes = float(study.table.weights.sum())
    rate = Figure(FILTERED, votes, "votes", why=say("a setting of the report, not an estimate"))
    if not study.several:
        why = say("one group is seen, so nobody is known to be outvoted as a group")
        return Minority((), (), rate, why, (f"{capital(why)}.",))
    served = _served(study)
    dissents, why = _dissents(study)
    return Minority(dissents, served, rate, why, _sentences(dissents, served, why))


# --- Where a minority dissents -------------------------------------------------------------------


def _dissents(study: Study) -> tuple[tuple[Dissent, ...], str]:
    judged = study.judged_by[:-1]
    found: list[tuple[float, int, int, float]] = []
    for g in np.flatnonzero(study.shares < 0.5).tolist():
        pairs = np.flatnonzero(judged[g] >= SMALLEST_CELL)
        if not len(pairs) or study.sizes[g] < SMALLEST_CELL:
            continue
        P = study.prefers(pairs)
        everybody = study.shares @ P
        apart = (P[g] - 0.5) * (everybody - 0.5) < 0
        drawn = study.prefers_drawn(pairs[apart])
        if drawn is None or study.draws is None:
            opposite = np.full(int(apart.sum()), np.nan)
        else:
            pooled = np.einsum("bg,bgq->bq", study.draws.shares, drawn)
            opposite = ((drawn[:, g] - 0.5) * (pooled - 0.5) < 0).mean(axis=0)
        for q, sure in zip(np.flatnonzero(apart).tolist(), opposite.tolist(), strict=True):
            if not sure <= CERTAIN:
                weight = float(study.shares[g] * abs(P[g, q] - everybody[q]))
                found.append((weight, g, int(pairs[q]), sure))
    if not found:
        return (), (
            say(
                "no smaller group takes the other side than everybody together on any "
                "pair that five of its people judged, in more than 90 %% of resamples"
            )
        )
    found.sort(key=lambda each: (-each[0], each[1], each[2]))
    return tuple(_dissent(study, g, q, sure) for _, g, q, sure in found[:LISTED]), ""


def _dissent(study: Study, g: int, q: int, sure: float) -> Dissent:
    pair = np.array([q])
    P = study.prefers(pair)[:, 0]
    drawn = study.prefers_drawn(pair)
    low, high = int(study.cells.low[q]), int(study.cells.high[q])
    turned = P[g] < 0.5
    over, under = (high, low) if turned else (low, high)
    n = int(study.judged_by[g, q])
    here_b = None if drawn is None else drawn[:, g, 0]
    all_b = None
    if drawn is not None and study.draws is not None:
        all_b = np.einsum("bg,bg->b", study.draws.shares, drawn[:, :, 0])

    def side(value: float) -> float:
        return 1 - value if turned else value

    def sides(values: Floats | None) -> Floats | None:
        return None if values is None else (1 - values if turned else values)

    quotes, why = _quotes(study, g, over, under)
    n_all = int(study.judged_by[:-1, q].sum())
    return Dissent(
        group=study.found.names[g],
        preference=study.names.preference(over, under),
        here=study.figure(side(float(P[g])), sides(here_b), n, "people", study.heads[g]),
        everybody=study.figure(side(float(study.shares @ P)), sides(all_b), n_all, "people"),
        opposite=unknown(study.why_no_interval)
        if np.isnan(sure)
        else Figure(
            tidy(sure), len(study.draws or ()), "resamples", why=say("itself made of resamples")
        ),
        quotes=quotes,
        why_no_quotes=why,
    )


def _quotes(study: Study, g: int, over: int, under: int) -> tuple[tuple[Quote, ...], str]:
    """Reasons of the group's members for its side, one per person and context, surest first."""
    if not study.material.reasons:
        return (), say("nobody gave a reason")
    ids = study.table.ids
    wanted: dict[tuple[Hashable, Hashable], int] = {
        (ids[over], ids[under]): 1,
        (ids[under], ids[over]): -1,
    }
    membership = _membership(study, g)
    said: list[tuple[float, int, str, Reason]] = []
    for reason in study.material.reasons:
        sign = wanted.get((reason.a, reason.b))
        sure = membership.get(reason.annotator, 0.0)
        if sign is not None and sign * reason.sign > 0 and sure > 0.5 and reason.text.strip():
            said.append((-round(sure, 3), -min(len(reason.text), 160), reason.annotator, reason))
    said.sort(key=lambda each: (*each[:3], each[3].context, each[3].text))
    chosen: list[Quote] = []
    people: set[str] = set()
    texts: set[str] = set()
    for *_, reason in said:
        text = " ".join(reason.text.split())
        if reason.annotator in people or text.lower() in texts:
            continue
        people.add(reason.annotator)
        texts.add(text.lower())
        chosen.append(Quote(_cut(text), study.names.context(reason.context)))
        if len(chosen) == QUOTES:
            break
    if not chosen:
        return (), say("none of those who took this side gave a reason")
    return tuple(chosen), ""


def _membership(study: Study, g: int) -> dict[str, float]:
    ids = study.table.annotator_ids
    return {
        str(ids[code]): float(gamma)
        for code, gamma in zip(
            study.found.votes.people.tolist(), study.mixture.gamma[:, g].tolist(), strict=True
        )
        if code < len(ids)
    }


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1].rstrip()}…"


# --- What models and filters do to each group ----------------------------------------------------


def _served(study: Study) -> tuple[Served, ...]:
    cells = study.cells
    decided = np.abs(cells.first - 0.5) > 1e-9
    sign = np.sign(cells.first - 0.5)[decided]
    voice, weight = cells.voice[decided], cells.weight[decided]
    low, high = cells.low[cells.pair[decided]], cells.high[cells.pair[decided]]
    single = study.found.utilities(study.one)[0]
    plain = sign * (single[low] - single[high])
    gap = study.utilities[:, low] - study.utilities[:, high]
    gamma = study.mixture.gamma[voice, :-1]
    known = gamma.sum(axis=1)
    own = gamma / np.maximum(known, 1e-12)[:, None]
    aware = sign * (own * gap.T).sum(axis=1)
    counted = weight * (known > 0)
    dropped = [_weakest(strength, counted) for strength in (plain, aware)]
    rows = []
    for g, name in enumerate(study.found.names):
        mine = counted * gamma[:, g]
        n = float(mine.sum())
        removed = [tidy((mine * gone).sum() / n) if n else 0.0 for gone in dropped]
        why = say("counted on these votes")
        rows.append(
            Served(
                group=name,
                single_model=_accuracy(study, g, plain > 0, mine, voice),
                own_model=_accuracy(study, g, sign * gap[g] > 0, mine, voice),
                filtered_plain=Figure(removed[0], round(n), "votes", why=why),
                filtered_aware=Figure(removed[1], round(n), "votes", why=why),
                warned=removed[0] > 1.5 * FILTERED,
            )
        )
    return tuple(rows)


def _weakest(strength: Floats, weight: Floats) -> Floats:
    """1 for the votes among the weakest fifth by weight, else 0."""
    order = np.argsort(strength, kind="stable")
    before = np.cumsum(weight[order])
    gone = np.zeros(len(strength))
    gone[order[before <= FILTERED * weight.sum()]] = 1.0
    return gone


def _accuracy(study: Study, g: int, right: NDArray[np.bool_], mine: Floats, voice: Longs) -> Figure:
    """Share of a group's votes that a model predicts, people resampled and models held fixed."""
    n = float(mine.sum())
    if not n:
        return unknown(say("this group cast no decided vote"))
    A = study.found.votes.n_people
    hits, all_ = np.bincount(voice, mine * right, A), np.bincount(voice, mine, A)
    drawn = None
    if study.draws is not None:
        drawn = (study.draws.omega @ hits) / (study.draws.omega @ all_)
    return study.figure(float(hits.sum() / n), drawn, round(n), "votes", study.heads[g])


def _sentences(
    dissents: tuple[Dissent, ...], served: tuple[Served, ...], why: str
) -> tuple[str, ...]:
    said = []
    for each in dissents[:3]:
        said.append(
            say(
                "%(capital)s %(preference)s in %(here)s of cases, everybody "
                "together in %(everybody)s.",
                capital=capital(each.group),
                preference=each.preference,
                here=percent(each.here),
                everybody=percent(each.everybody),
            )
        )
    if not dissents:
        said.append(f"{capital(why)}.")
    for row in served:
        said.append(
            say(
                "One model for everybody predicts %(single_model)s of the votes of "
                "%(group)s; the group's own model %(own_model)s.",
                single_model=percent(row.single_model),
                group=row.group,
                own_model=percent(row.own_model),
            )
        )
    for row in served:
        if row.warned:
            plain, aware = (100 * (f.value or 0) for f in (row.filtered_plain, row.filtered_aware))
            said.append(
                say(
                    "A filter that drops the weakest fifth of votes by one model for "
                    "everybody would drop %(plain)s %% of the votes of %(group)s; one that "
                    "knows the groups, %(aware)s %%.",
                    plain=f"{plain:.0f}",
                    group=row.group,
                    aware=f"{aware:.0f}",
                )
            )
    return tuple(said)
