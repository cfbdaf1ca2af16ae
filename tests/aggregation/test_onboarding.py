"""Few questions that tell a newcomer's group, and panels that are fair to each person."""

import numpy as np
import pytest
from scipy.special import expit

from aggregation.pluralism.onboarding import (
    answers_by_group,
    belief_after,
    beliefs_along,
    choose_questions,
    fair_panel,
    information,
    telling,
)


def test_a_question_on_which_groups_differ_for_sure_tells_one_bit() -> None:
    p = [[1.0, 0.0], [0.5, 0.5], [0.9, 0.9]]
    np.testing.assert_allclose(information([0.5, 0.5], p), [1.0, 0.0, 0.0], atol=1e-12)
    assert information([1.0, 0.0], p) == pytest.approx([0.0, 0.0, 0.0])


def test_beliefs_follow_bayes() -> None:
    after = belief_after([0.5, 0.5], [[0.8, 0.2], [0.6, 0.4]], [1, 0])
    one, other = 0.8 * 0.4, 0.2 * 0.6
    assert after == pytest.approx([one / (one + other), other / (one + other)])
    assert belief_after([0.3, 0.7], [[0.8, 0.2]], [0.5]) == pytest.approx([0.3, 0.7])


def test_a_path_of_beliefs_takes_one_step_per_answer() -> None:
    p = [[0.8, 0.2], [0.6, 0.4], [0.5, 0.5]]
    path = beliefs_along([0.5, 0.5], p, [1, 0, 1])
    assert path.shape == (4, 2)
    assert path[0] == pytest.approx([0.5, 0.5])
    assert path[2] == pytest.approx(belief_after([0.5, 0.5], p[:2], [1, 0]))
    assert path[3] == pytest.approx(path[2])
    assert beliefs_along([0.3, 0.7], np.zeros((0, 2)), []).tolist() == [[0.3, 0.7]]


def test_what_a_question_tells_is_averaged_over_those_who_are_not_placed() -> None:
    p = [[1.0, 0.0, 0.5], [0.5, 1.0, 0.0]]
    one, two = [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]
    assert telling([one, two], p) == pytest.approx((information(one, p) + information(two, p)) / 2)
    assert telling([one], p)[0] == pytest.approx(1.0)


def test_informative_questions_need_a_fifth_of_the_random_ones() -> None:
    """Specification: right group after 1, 2, 3, 10 questions, random .59/.69/.74/.95 against
    .68/.98/.99/1.00 when chosen.
    """
    rng = np.random.default_rng(0)
    rates = np.zeros((2, 4))
    worlds, people, marks = 5, 60, (1, 2, 3, 10)
    for _ in range(worlds):
        w = rng.normal(size=(3, 8))
        w = 3 * w / np.linalg.norm(w, axis=1, keepdims=True)
        p = expit(rng.normal(size=(200, 8)) @ w.T)
        for person in range(people):
            own = person % 3
            for way in (0, 1):
                gamma, free = np.full(3, 1 / 3), np.ones(200, dtype=bool)
                for asked in range(1, 11):
                    worth = information(gamma, p) if way else rng.random(200)
                    q = int(np.where(free, worth, -1).argmax())
                    free[q] = False
                    gamma = belief_after(gamma, p[[q]], [float(rng.random() < p[q, own])])
                    if asked in marks:
                        rates[way, marks.index(asked)] += gamma.argmax() == own
    random, chosen = rates / (worlds * people)
    np.testing.assert_allclose(random, [0.59, 0.69, 0.74, 0.95], atol=0.08)
    np.testing.assert_allclose(chosen, [0.68, 0.98, 0.99, 1.00], atol=0.08)
    assert (chosen[1:3] > random[1:3] + 0.15).all()


def test_questions_chosen_together_do_not_tell_the_same_twice() -> None:
    p = np.array([[0.95, 0.05, 0.05], [0.94, 0.06, 0.06], [0.5, 0.9, 0.1]])
    first, second = choose_questions([1 / 3] * 3, p, 2, np.random.default_rng(0), random_share=0.0)
    assert {first.question, second.question} == {0, 2}
    assert not first.by_chance
    assert first.propensity == 1.0


def test_one_in_five_is_drawn_by_chance_and_every_one_says_its_propensity() -> None:
    p = np.tile([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5], [0.55, 0.45]], (1, 1))
    rng = np.random.default_rng(1)
    drawn = [choose_questions([0.5, 0.5], p, 1, rng)[0] for _ in range(4000)]
    assert np.mean([c.by_chance for c in drawn]) == pytest.approx(0.2, abs=0.02)
    for question in range(4):
        found = [c for c in drawn if c.question == question]
        assert len(found) / 4000 == pytest.approx(found[0].propensity, abs=0.02)
    assert {round(c.propensity, 6) for c in drawn} == {0.85, 0.05}


def test_a_small_pool_is_asked_whole_and_bad_requests_are_refused() -> None:
    p = [[0.9, 0.1], [0.2, 0.4]]
    rng = np.random.default_rng(0)
    assert {c.question for c in choose_questions([0.5, 0.5], p, 5, rng)} == {0, 1}
    for gamma, chances, number in (
        ([0.5, 0.6], p, 1),
        ([1.0], p, 1),
        ([0.5, 0.5], [[1.2, 0.1]], 1),
        ([0.5, 0.5], p, 11),
    ):
        with pytest.raises(ValueError):
            choose_questions(gamma, chances, number, rng)


def test_chances_of_answers_come_from_utilities() -> None:
    p = answers_by_group([[1.0, 0.0], [0.0, 2.0]], [0, 1], [1, 0])
    np.testing.assert_allclose(p, [expit([1.0, -2.0]), expit([-1.0, 2.0])])


def test_a_panel_gives_everybody_the_same_chance_and_groups_their_seats() -> None:
    group = np.repeat([0, 1, 2], [12, 5, 3])
    rng = np.random.default_rng(0)
    times = np.zeros(20)
    for _ in range(3000):
        panel = fair_panel(group, 7, rng)
        assert len(set(panel.tolist())) == 7
        seats = np.bincount(group[panel], minlength=3)
        assert (np.abs(seats - 7 * np.array([12, 5, 3]) / 20) < 1).all()
        times[panel] += 1
    assert times / 3000 == pytest.approx(np.full(20, 0.35), abs=0.04)
    assert fair_panel(group, 0, rng).tolist() == []
    assert fair_panel(group, 20, rng).tolist() == list(range(20))
    with pytest.raises(ValueError, match="seats"):
        fair_panel(group, 21, rng)
