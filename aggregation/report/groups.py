"""Who the groups are: how large, how sure, what they want, and by what one can tell them apart.

Groups get numbers, never names of the report's own making. What people declared about themselves is
set beside latent groups only after the fact, as an association with a permutation test, and only
where at least five people share a cell.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregation.pluralism.inconsistency import group_inconsistency, verdict_disagreement
from aggregation.report.associations import Association, associations
from aggregation.report.figures import Figure, count, listed, percent, points, tidy, unknown
from aggregation.report.statements import Statement, statements
from aggregation.report.study import SMALLEST_CELL, Study
from aggregation.report.traits import Traits, traits
from annotation.phrases import capital, say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

EXAMPLES = 5
SURE = 0.8  # membership above which a person counts as placed
TOO_FEW = say("fewer than five people, so not shown")


@dataclass(frozen=True)
class Example:
    """A pair on which a group differs from everybody else: the chance of preferring its first."""

    preference: str
    here: Figure
    elsewhere: Figure
    difference: Figure
    context: str = ""


@dataclass(frozen=True)
class GroupCard:
    name: str
    share: Figure
    size: Figure
    sure: Figure
    stability: Figure
    likes: tuple[str, ...]
    dislikes: tuple[str, ...]
    examples: tuple[Example, ...]
    why_no_examples: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Groups:
    names: tuple[str, ...]
    declared: bool
    cards: tuple[GroupCard, ...]
    inconsistency: Figure
    opposed: tuple[tuple[Figure, ...], ...]
    associations: tuple[Association, ...]
    uniting: tuple[Statement, ...]
    splitting: tuple[Statement, ...]
    statements_judged: Figure
    traits: Traits
    sentences: tuple[str, ...]


def groups(study: Study) -> Groups:
    cards = tuple(_card(study, g) for g in range(study.G))
    gic, opposed = _inconsistency(study)
    uniting, splitting, judged = statements(study)
    made = Groups(
        study.found.names,
        study.is_declared,
        cards,
        gic,
        opposed,
        associations(study),
        uniting,
        splitting,
        count(judged, "statements"),
        traits(study),
        (),
    )
    return replace(made, sentences=_sentences(study, made))


def well_judged(study: Study) -> Longs:
    """Pairs that five people or more judged."""
    return np.flatnonzero(study.judged_by[:-1].sum(axis=0) >= SMALLEST_CELL)


# --- Cards ---------------------------------------------------------------------------------------


def _card(study: Study, g: int) -> GroupCard:
    draws = study.draws
    n = study.found.n_people
    name = study.found.names[g]
    share = study.figure(
        float(study.shares[g]), None if draws is None else draws.shares[:, g], n, "people"
    )
    likes, dislikes = _extremes(study, g)
    examples, why = _examples(study, g) if study.several else ((), say("there is one group"))
    size = Figure(_size(study, g), n, "people", why=say("it follows the share"))
    made = GroupCard(
        name, share, size, _sure(study, g), _stability(study, g), likes, dislikes, examples, why, ()
    )
    return replace(made, sentences=_card_sentences(study, g, made))


def _size(study: Study, g: int) -> float:
    """People who declared the group; of a latent one its share of all people."""
    if study.is_declared:
        return float(study.sizes[g])
    return round(float(study.shares[g] * study.found.n_people), 1)


def _sure(study: Study, g: int) -> Figure:
    if study.is_declared:
        return unknown(say("groups were declared"))
    if not study.several:
        return unknown(say("there is one group"))
    mine = study.mixture.gamma[study.side == g, g]
    if len(mine) < SMALLEST_CELL:
        return unknown(TOO_FEW)
    return Figure(
        tidy((mine > SURE).mean()), len(mine), "people", why=say("a description of this fit")
    )


def _stability(study: Study, g: int) -> Figure:
    """Mean over members of the share of resamples that place them here again."""
    if study.is_declared:
        return unknown(say("groups were declared"))
    if not study.several:
        return unknown(say("there is one group"))
    if study.draws is None:
        return unknown(study.why_no_interval)
    mine = study.side == g
    again = (study.draws.side[:, mine] == g).mean(axis=0)
    if len(again) < SMALLEST_CELL:
        return unknown(TOO_FEW)
    return Figure(tidy(again.mean()), len(again), "people", why=say("itself made of resamples"))


def _extremes(study: Study, g: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the group likes most and least, where all items were compared with each other."""
    if len(study.parts) != 1 or study.material.level == "statements":
        return (), ()
    order = study.parts[0][np.argsort(-study.utilities[g, study.parts[0]], kind="stable")]
    shown = min(3, len(order) // 2)
    best, worst = order[:shown].tolist(), order[::-1][:shown].tolist()
    item = study.names.item
    return tuple(item(i) for i in best), tuple(item(i) for i in worst)


def _examples(study: Study, g: int) -> tuple[tuple[Example, ...], str]:
    judged = study.judged_by[:-1]
    mine, others = judged[g], judged.sum(axis=0) - judged[g]
    pairs = np.flatnonzero((mine >= SMALLEST_CELL) & (others >= SMALLEST_CELL))
    if not len(pairs):
        return (), (
            say(
                "no pair was judged by five people of this group and five others: ask "
                "more people per question"
            )
        )
    rest = np.delete(study.shares, g)
    P = study.prefers(pairs)
    elsewhere = rest @ np.delete(P, g, axis=0) / rest.sum()
    order = np.argsort(-np.abs(P[g] - elsewhere), kind="stable")[: 3 * EXAMPLES]
    drawn = study.prefers_drawn(pairs[order])
    found = []
    for place, q in enumerate(order.tolist()):
        here_b, else_b = _drawn_sides(study, drawn, g, place)
        flip = P[g, q] < elsewhere[q]
        low, high = study.cells.low[pairs[q]], study.cells.high[pairs[q]]
        over, under = (int(high), int(low)) if flip else (int(low), int(high))

        def side(value: float, turned: bool = bool(flip)) -> float:
            return 1 - value if turned else value

        def sides(value: Floats | None, turned: bool = bool(flip)) -> Floats | None:
            return None if value is None else (1 - value if turned else value)

        n_here, n_else = int(mine[pairs[q]]), int(others[pairs[q]])
        heads, rest_heads = study.heads[g], study.heads.sum() - study.heads[g]
        here = study.figure(side(float(P[g, q])), sides(here_b), n_here, "people", heads)
        there = study.figure(side(float(elsewhere[q])), sides(else_b), n_else, "people", rest_heads)
        gap_b = (
            None
            if here_b is None or else_b is None
            else np.abs(1.0) * _signed(here_b - else_b, flip)
        )
        gap = study.figure(
            abs(float(P[g, q] - elsewhere[q])),
            gap_b,
            n_here + n_else,
            "people",
            min(heads, rest_heads),
        )
        if gap.lo is None or gap.above_zero:
            found.append(Example(study.names.preference(over, under), here, there, gap))
    if not found:
        return (), say("no difference from the others is larger than chance would make it")
    return tuple(found[:EXAMPLES]), ""


def _signed(values: Floats, flip: bool) -> Floats:
    return -values if flip else values


def _drawn_sides(
    study: Study, drawn: Floats | None, g: int, place: int
) -> tuple[Floats | None, Floats | None]:
    if drawn is None or study.draws is None:
        return None, None
    rest = np.delete(study.draws.shares, g, axis=1)
    others = np.delete(drawn[:, :, place], g, axis=1)
    return drawn[:, g, place], (rest * others).sum(axis=1) / rest.sum(axis=1)


def _card_sentences(study: Study, g: int, card: GroupCard) -> tuple[str, ...]:
    said = [
        say("%(share)s of the people whose votes don't look random.", share=percent(card.share))
    ]
    if study.is_declared:
        said = [say("%(share)s of the people who belong to a group.", share=percent(card.share))]
    if card.sure.known:
        said.append(
            say(
                "%(sure)s %% of its members are placed with more than 80 %% certainty.",
                sure=f"{100 * (card.sure.value or 0):.0f}",
            )
        )
    if card.stability.known:
        said.append(
            say(
                "Resamples place its members here again %(stability)s %% of the time.",
                stability=f"{100 * (card.stability.value or 0):.0f}",
            )
        )
    if card.likes:
        said.append(
            say(
                "Likes most: %(names_list)s. Likes least: %(more2_list)s.",
                names_list=listed(card.likes),
                more2_list=listed(card.dislikes),
            )
        )
    return tuple(said)


# --- How opposed ---------------------------------------------------------------------------------


def _inconsistency(study: Study) -> tuple[Figure, tuple[tuple[Figure, ...], ...]]:
    if not study.several:
        return unknown(say("there is one group")), ()
    pairs = well_judged(study)
    if not len(pairs):
        return unknown(say("no pair was judged by five people")), ()
    weight, P = study.cells.votes[pairs], study.prefers(pairs)
    value, D = group_inconsistency(P, weight, study.shares), verdict_disagreement(P, weight)
    drawn = study.prefers_drawn(pairs)
    values, tables = None, None
    if drawn is not None and study.draws is not None:
        values = np.array(
            [
                group_inconsistency(p, weight, s)
                for p, s in zip(drawn, study.draws.shares, strict=True)
            ]
        )
        tables = np.array([verdict_disagreement(p, weight) for p in drawn])
    n = float(len(pairs))
    opposed = tuple(
        tuple(
            count(0, "pairs")
            if g == h
            else study.figure(
                float(D[g, h]),
                None if tables is None else tables[:, g, h],
                n,
                "pairs",
                min(study.heads[g], study.heads[h]),
            )
            for h in range(study.G)
        )
        for g in range(study.G)
    )
    return study.figure(value, values, n, "pairs"), opposed


# --- In words ------------------------------------------------------------------------------------


def _sentences(study: Study, made: Groups) -> tuple[str, ...]:
    if not study.several:
        return (say("Everybody is treated as one group below."),)
    said = []
    parts = [f"{card.name}: {percent(card.share)}" for card in made.cards]
    said.append(say("%(g)s groups: %(names)s.", g=study.G, names="; ".join(parts)))
    if made.inconsistency.known:
        said.append(
            say(
                "Two people of different groups would get opposite verdicts from their "
                "groups' models on %(inconsistency)s of the judged pairs (group "
                "inconsistency).",
                inconsistency=percent(made.inconsistency),
            )
        )
    strongest = [card for card in made.cards if card.examples]
    for card in strongest:
        first = card.examples[0]
        said.append(
            say(
                "%(capital)s %(preference)s in %(here)s of cases, everybody else "
                "in %(elsewhere)s, a difference of %(difference)s.",
                capital=capital(card.name),
                preference=first.preference,
                here=percent(first.here),
                elsewhere=percent(first.elsewhere),
                difference=points(first.difference),
            )
        )
    if made.splitting:
        texts = [f"“{each.text}”" for each in made.splitting[:3]]
        said.append(
            say(
                "The statements that split the groups most: %(names_list)s.",
                names_list=listed(texts),
            )
        )
    if made.uniting:
        texts = [f"“{each.text}”" for each in made.uniting[:3]]
        said.append(
            say("The statements that unite them most: %(names_list)s.", names_list=listed(texts))
        )
    return tuple(said)
