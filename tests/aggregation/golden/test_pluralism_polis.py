"""Real opinion conversations: our groups against the published ones, consensus against its figures.

Data gathered with Polis (compdemocracy.org/polis), CC BY 4.0.
"""

from typing import Any

import numpy as np
import pyarrow.csv as csv
import pytest
from numpy.typing import NDArray

from aggregation.pluralism.choosing import choose_groups
from aggregation.pluralism.consensus import group_agreement
from aggregation.pluralism.latent import Climb
from aggregation.pluralism.votes import votes_on_items
from aggregation.tables import Comparisons, factorise
from tests.aggregation.golden.test_pluralism_groups import rand_index
from tests.aggregation.worlds import SHARED_DATA

FOLDER = SHARED_DATA / "polis_conversations"


def conversation(name: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], dict[str, str]]:
    """Participant, statement and vote per row, and the published group of participants."""
    if not FOLDER.exists():
        pytest.skip("the opinion conversations are not here")
    votes = csv.read_csv(FOLDER / f"{name}.judgments.csv.gz").to_pydict()
    people = csv.read_csv(FOLDER / f"{name}.participants.csv.gz").to_pydict()
    published = {
        str(who): str(group)
        for who, group in zip(people["participant"], people["group"], strict=True)
        if group is not None and str(group) != ""
    }
    who, what = (np.array([str(v) for v in votes[c]]) for c in ("participant", "statement"))
    return who, what, np.array(votes["vote"]), published


@pytest.mark.parametrize(
    ("name", "largest_gap", "top"),
    [
        ("seattle15", ("46", 0.651, 30), [("2", 0.371), ("18", 0.364), ("4", 0.360)]),
        ("brexit", ("8", 0.731, 48), [("14", 0.851), ("19", 0.846), ("1", 0.834)]),
        ("bowling_green", ("86", 0.749, 610), [("83", 0.696), ("200", 0.650), ("201", 0.612)]),
    ],
)
def test_group_informed_consensus_gives_the_known_figures(
    name: str, largest_gap: tuple[str, float, int], top: list[tuple[str, float]]
) -> None:
    who, what, vote, published = conversation(name)
    statement, statements = factorise(what.tolist())
    group, groups = factorise([published.get(w) for w in who])
    found = group_agreement(statement, vote == 1, group, len(statements), len(groups))
    best = np.argsort(-np.nan_to_num(found.consensus, nan=-1.0))[:3]
    assert [(statements[s], round(float(found.consensus[s]), 3)) for s in best] == top
    widest = int(np.nanargmax(found.gap))
    judged = int(np.isfinite(found.gap).sum())
    assert (statements[widest], round(float(found.gap[widest]), 3), judged) == largest_gap


def test_our_groups_agree_with_the_published_ones() -> None:
    # A vote on a statement compares it with saying nothing; a pass is a tie.
    who, what, vote, published = conversation("brexit")
    table = Comparisons.from_values(what, np.full(len(what), "nothing"), vote, annotator=who)
    votes = votes_on_items(table)
    choice = choose_groups(votes, Climb(), np.random.default_rng(0), most=3)
    assert choice.n_groups == 2
    theirs, _ = factorise([published.get(str(table.annotator_ids[p])) for p in votes.people])
    ours = choice.mixture.gamma[:, :-1].argmax(axis=1)
    known = theirs >= 0
    agreement = rand_index(theirs[known], ours[known])
    rng = np.random.default_rng(1)
    chance = [rand_index(theirs[known], rng.permutation(ours[known])) for _ in range(200)]
    assert agreement > max(chance)
    assert agreement > 0.7


def test_a_large_conversation_falls_into_two_groups_by_both_criteria() -> None:
    """Folds once put all who agreed with a statement together, and held-out votes saw one group."""
    who, what, vote, published = conversation("bowling_green")
    few = np.isin(who, np.unique(who)[::6])  # a sixth of the people
    table = Comparisons.from_values(
        what[few], np.full(int(few.sum()), "nothing"), vote[few], annotator=who[few]
    )
    votes = votes_on_items(table)
    how = Climb(restarts=3)
    choice = choose_groups(votes, how, np.random.default_rng(0), most=3)
    assert choice.by_heldout is not None
    assert choice.by_heldout >= 2
    theirs, _ = factorise([published.get(str(table.annotator_ids[p])) for p in votes.people])
    two = choice.mixtures[1].gamma[:, :-1].argmax(axis=1)
    assert rand_index(theirs[theirs >= 0], two[theirs >= 0]) > 0.5


def test_a_thin_conversation_is_said_not_to_tell_groups_apart() -> None:
    who, what, vote, _ = conversation("seattle15")
    table = Comparisons.from_values(what, np.full(len(what), "nothing"), vote, annotator=who)
    choice = choose_groups(votes_on_items(table), Climb(), np.random.default_rng(0))
    assert choice.n_groups == 1
    assert choice.gate == ("the median annotator has 4 votes, fewer than 10",)
