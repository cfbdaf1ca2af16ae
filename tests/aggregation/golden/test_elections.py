"""The VALUE leaderboard as an election: figures published with Vote'n'Rank.

Scores of six systems on eleven tasks from value-benchmark.github.io (December 2021); the rankings
and prospective winners from the notebooks of PragmaticsLab/vote_and_rank.

The notebooks also name the winners of GLUE (ERNIE by nearly every rule) and SuperGLUE (ERNIE or
Human). Those can't be checked here: they belong to leaderboards as they stood then (GLUE: the first
30 systems without gaps), whose scores the reference doesn't print and which have changed since.
"""

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.elections import Election, Outcome, hold
from aggregation.elections_reading import read_scores
from aggregation.elections_table import ScoreTable
from aggregation.tables import Ballots
from tests.aggregation.worlds import cycle, schulze45, tennessee

VALUE = """system,TVR,How2R,YC2R,VATEX-EN-R,TVQA,How2QA,VIOLIN,VLEP,TVC,YC2C,VATEX-EN-C
craig.starr,15.41,6.75,66.04,53.07,77.52,78.31,67.52,69.04,54.16,143.17,60.53
DuKG,13.12,4.64,62.68,49.86,75.45,73.92,67.47,68.37,53.34,128.87,62.30
HERO 1,13.56,3.95,54.28,49.09,74.83,74.60,67.18,69.37,48.13,121.89,56.54
HERO 2,12.40,3.61,50.93,49.91,74.38,71.88,66.80,68.68,49.41,110.63,58.09
HERO 3,13.70,3.38,56.59,46.66,74.52,73.82,64.19,67.10,51.04,120.22,55.30
HERO 4,8.81,2.13,42.37,47.02,71.35,69.59,64.30,56.77,50.30,109.89,55.98
"""


@pytest.fixture(scope="module")
def value() -> Election:
    return hold(read_scores(VALUE), replicates=0)


def outcome(election: Election, slug: str) -> Outcome:
    return next(each for each in election.outcomes if each.slug == slug)


@pytest.mark.parametrize(
    ("slug", "scores", "within"),
    [
        ("borda", [53, 39, 30, 20, 18, 5], 1e-9),
        ("dowdall", [10.00, 5.17, 4.08, 2.87, 2.82, 2.02], 0.005),
        ("plurality", [9, 1, 1, 0, 0, 0], 1e-9),
        ("copeland", [5, 3, 1, -3, -1, -5], 1e-9),
        ("arithmetic_mean", [62.87, 60.00, 57.58, 56.07, 56.96, 52.59], 0.005),
        ("geometric_mean", [49.96, 46.30, 44.12, 42.81, 43.22, 37.56], 0.005),
    ],
)
def test_published_scores(value: Election, slug: str, scores: list[float], within: float) -> None:
    np.testing.assert_allclose(outcome(value, slug).score, scores, atol=within)


def test_published_worst_defeats_by_winning_votes(value: Election) -> None:
    method = METHODS["minimax"]
    result = method.fit(value.table.ballots(), method.options(strength="winning"))
    np.testing.assert_allclose(result.score, [0, -10, -10, -11, -11, -11])


def test_one_system_beats_all_others(value: Election) -> None:
    assert value.condorcet == 0
    for slug in ("schulze", "ranked_pairs", "kemeny", "minimax", "baldwin", "bradley_terry"):
        assert outcome(value, slug).winners == (0,), slug


@pytest.mark.parametrize(
    ("ballots", "winner"), [(tennessee(), 1), (schulze45(), None), (cycle(), None)]
)
def test_nobody_wins_where_nobody_beats_all_others(ballots: Ballots, winner: int | None) -> None:
    """Each ballot is a task on which the systems have their places as scores, the fewer the
    better. (pref_voting would name everybody where there is no Condorcet winner.)
    """
    places, weight = ballots.profile
    names = tuple(f"ballot {k}" for k in range(len(weight)))
    table = ScoreTable(
        tuple(map(str, ballots.ids)), names, places.T.astype(float), weight, frozenset(names)
    )
    assert hold(table, ["copeland"], replicates=0).condorcet == winner


def test_three_systems_could_win_under_some_weights(value: Election) -> None:
    assert [prospect.system for prospect in value.prospects if prospect.wins] == [0, 1, 2]
    for prospect in value.prospects[:3]:
        assert sum(prospect.weights) == pytest.approx(1.0)
        weighted = value.table.ballots().reweighted(np.array(prospect.weights))
        margins = np.asarray(weighted.pair_counts().margins)[prospect.system]
        others = np.delete(margins, prospect.system)
        assert others.min() == pytest.approx(prospect.margin)
        assert prospect.margin > 0
