"""Evidence refuses what no judgment could say."""

import pytest

from annotation.evidence import Answer, Comparison, Label, Ranking, Rating, TieKind


def test_a_winner_has_no_tie_kind_and_a_tie_has_one() -> None:
    assert Comparison(0, 1, 2).tie_kind is TieKind.NONE
    with pytest.raises(ValueError, match="tie names its kind"):
        Comparison(0, 1, 0)
    with pytest.raises(ValueError, match="tie names its kind"):
        Comparison(0, 1, 1, TieKind.BOTH_BAD)


@pytest.mark.parametrize("strength", [-4, 4])
def test_strength_stays_within_three_steps(strength: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        Comparison(0, 1, strength)


def test_nothing_is_compared_with_itself() -> None:
    with pytest.raises(ValueError, match="two different"):
        Comparison(1, 1, 1)


def test_a_ranking_names_each_shown_candidate_at_most_once() -> None:
    assert Ranking(tiers=((2,), (0, 1)), shown=(0, 1, 2, 3)).tiers == ((2,), (0, 1))
    with pytest.raises(ValueError, match="once"):
        Ranking(tiers=((0,), (0,)), shown=(0, 1))
    with pytest.raises(ValueError, match="shown"):
        Ranking(tiers=((5,),), shown=(0, 1))


def test_a_rating_stays_on_its_scale() -> None:
    assert Rating(0, 0, 5, 1, 5).value == 5
    with pytest.raises(ValueError, match="outside"):
        Rating(0, 0, 6, 1, 5)


def test_a_label_is_yes_no_or_not_applicable() -> None:
    assert Label(0, 0, Answer("not_applicable")).answer is Answer.NOT_APPLICABLE
