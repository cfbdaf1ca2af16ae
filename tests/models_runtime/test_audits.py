"""Audits find what was planted in a scripted judge, and let a clean one pass."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from models_runtime.audit_catalogue import AUDITS, audits_for
from models_runtime.audits import PAIRS as PAIRS_COMPARED
from models_runtime.audits import (
    RANKINGS,
    Grade,
    Listing,
    Material,
    Pair,
    Show,
    Trial,
    Vote,
    order_cells,
)
from models_runtime.audits._intervals import alpha, kappa, mean, ratio, share, slope
from models_runtime.audits._texts import padded, retyped, reversed_words, unformatted
from models_runtime.catalogue import PROTOCOLS
from tests.models_runtime import planted_rankings, planted_scores
from tests.models_runtime.planted import CASES, Case, examined, recovered
from tests.models_runtime.planted_rankings import RANKING_CASES, RankingCase
from tests.models_runtime.planted_scores import SCORE_CASES, ScoreCase

SEEDS, CLEAN_SEEDS, PAIRS = 4, 2, 50


def test_every_audit_has_a_planted_case() -> None:
    """The known answers are checked against published figures instead."""
    cases = {case.slug for case in CASES} | {case.slug for case in SCORE_CASES}
    cases |= {case.slug for case in RANKING_CASES}
    assert cases == AUDITS.keys() - {"known_answers"}


def test_every_way_of_judging_can_be_audited() -> None:
    """Or, where a card is asked for, it could never label."""
    judging = {slug for slug, way in PROTOCOLS.items() if way.judgment_types}
    assert {slug for slug, way in PROTOCOLS.items() if audits_for(way)} == judging


CHANCE_CASES = {"best_of_n", "agreement", "drift"}  # what is planted there needn't be a fault


@pytest.mark.parametrize("case", RANKING_CASES, ids=lambda case: case.slug)
def test_the_planted_value_of_a_ranking_judge_lies_inside_the_interval(case: RankingCase) -> None:
    found = [planted_rankings.examined(case, seed, PAIRS) for seed in range(SEEDS)]
    assert sum(recovered(case, each) for each in found) >= SEEDS - 1
    if case.slug.removeprefix("ranking_") not in CHANCE_CASES:
        assert all(each.grade is not Grade.PASS for each in found)


@pytest.mark.parametrize("case", RANKING_CASES, ids=lambda case: case.slug)
def test_a_clean_ranking_judge_passes(case: RankingCase) -> None:
    grades = [
        planted_rankings.examined(case, seed, PAIRS, clean=True).grade
        for seed in range(CLEAN_SEEDS)
    ]
    assert Grade.FAIL not in grades
    assert grades.count(Grade.PASS) >= CLEAN_SEEDS - 1


@pytest.mark.parametrize("case", SCORE_CASES, ids=lambda case: case.slug)
def test_the_planted_value_of_a_rating_judge_lies_inside_the_interval(case: ScoreCase) -> None:
    found = [planted_scores.examined(case, seed, PAIRS) for seed in range(SEEDS)]
    assert sum(recovered(case, each) for each in found) >= SEEDS - 1
    if case.slug.removeprefix("score_") not in CHANCE_CASES:
        assert all(each.grade is not Grade.PASS for each in found)


@pytest.mark.parametrize("case", SCORE_CASES, ids=lambda case: case.slug)
def test_a_clean_rating_judge_passes(case: ScoreCase) -> None:
    grades = [
        planted_scores.examined(case, seed, PAIRS, clean=True).grade for seed in range(CLEAN_SEEDS)
    ]
    assert Grade.FAIL not in grades
    assert grades.count(Grade.PASS) >= CLEAN_SEEDS - 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.slug)
def test_the_planted_value_lies_inside_the_interval(case: Case) -> None:
    """Of 4 seeds 3 must hold it; benchmarks/judge_audits.py counts 100."""
    assert sum(recovered(case, examined(case, seed, PAIRS)) for seed in range(SEEDS)) >= SEEDS - 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.slug)
def test_a_clean_judge_passes(case: Case) -> None:
    grades = [examined(case, seed, PAIRS, clean=True).grade for seed in range(CLEAN_SEEDS)]
    assert Grade.FAIL not in grades
    assert grades.count(Grade.PASS) >= CLEAN_SEEDS - 1


FAILING = {"position", "padding", "sycophancy", "over_stability", "injection", "resemblance"}


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.slug in FAILING], ids=lambda case: case.slug
)
def test_a_strongly_biased_judge_fails(case: Case) -> None:
    assert examined(case, 0, 100).grade is Grade.FAIL


@pytest.mark.parametrize("slug", list(AUDITS))
def test_without_data_it_says_what_is_lacking(slug: str) -> None:
    finding = AUDITS[slug].examine(Material([], {}), AUDITS[slug].limit)
    assert finding.grade is Grade.UNKNOWN
    assert finding.sentence.startswith("Not enough data: ")
    assert finding.headline.estimate is None
    assert finding.rule


@pytest.mark.parametrize("slug", list(AUDITS))
def test_turning_every_pair_round_changes_nothing(slug: str) -> None:
    """Which response has which place is arbitrary, so no audit may depend on it."""
    of = AUDITS[slug].of
    cells = {n: _cells(of, n * 0.618 % 1) for n in range(60)}
    pairs = [
        Pair(
            str(n), f"p{n // 2}", ("**long** " * (n % 7 + 1), "*short* " * (n % 5 + 1)),
            families=("amber", "birch"), earlier=(-1.0, 1.0)[n % 2], right=n % 3 % 2,
            votes=(Vote("a", 1.0, {"g": "x"}), Vote("b", (-1.0, 1.0)[n % 3 > 0], {"g": "y"})),
            marks={"a": cells[n], "b": cells[(n + 1) % 60]},
            groups={"a": {"g": "x"}, "b": {"g": "y"}},
            earlier_cells=cells[(n + 2) % 60], known={0: n % 3 % 2 == 0, 1: n % 3 % 2 == 1},
        )
        for n in range(60)
    ]  # fmt: skip
    names = {copy.name for pair in pairs for copy in AUDITS[slug].variants(pair)} | {"plain"}
    trials = {
        (pair.key, name): replace(
            _seen((n * 0.618 + nth * 0.37) % 1 * 0.9 + 0.05),
            cells=_cells(of, (n * 0.618 + nth * 0.37) % 1),
        )
        for n, pair in enumerate(pairs)
        for nth, name in enumerate(sorted(names) if of != PAIRS_COMPARED else ["plain"])
    }
    turned = {(key, _other_name(name)): _turned(trial) for (key, name), trial in trials.items()}
    audit = AUDITS[slug]
    straight = audit.examine(Material(pairs, trials, "amber"), audit.limit)
    around = audit.examine(Material([_round(p) for p in pairs], turned, "amber"), audit.limit)
    assert around.grade == straight.grade
    assert around.headline.estimate == pytest.approx(straight.headline.estimate)
    assert around.headline.low == pytest.approx(straight.headline.low)


def _cells(of: str, share: float) -> dict[str, float]:
    """What the judge, or a person, gave two responses."""
    if of == RANKINGS:
        return {"0-1": float(round(2 * share)) / 2}
    return {"0/0": round(4 * share) / 4, "1/0": round(4 * (share * 7 % 1)) / 4}


def _other_name(name: str) -> str:
    """The copy in which the same response is changed, now at the other place."""
    stem, _, place = name.rpartition("-")
    return f"{stem}-{1 - int(place)}" if stem in CHANGED_AT else name


CHANGED_AT = {"padded", "bare", "claimed", "reversed", "ordered"}


def _turned_cells(cells: Mapping[str, float]) -> dict[str, float]:
    if "0-1" in cells:
        return {"0-1": 1 - cells["0-1"]}
    return {f"{1 - int(cell[0])}{cell[1:]}": value for cell, value in cells.items()}


def _seen(p: float) -> Trial:
    number = 1.0 if p > 0.6 else -1.0 if p < 0.4 else 0.0
    return Trial(number, p, (Show(0, number, p), Show(1, number, p * 0.9)))


def _turned(trial: Trial) -> Trial:
    assert trial.number is not None
    assert trial.p is not None
    shows = tuple(Show(1 - s.first, -s.number, 1 - (s.p or 0)) for s in trial.shows)
    lists = tuple(Listing(tuple(1 - p for p in each.shown), each.standings) for each in trial.lists)
    return Trial(-trial.number, 1 - trial.p, shows, cells=_turned_cells(trial.cells), lists=lists)


def _round(pair: Pair) -> Pair:
    return Pair(
        pair.key, pair.prompt, (pair.texts[1], pair.texts[0]),
        families=(pair.families[1], pair.families[0]),
        votes=tuple(Vote(v.person, -v.number, v.groups) for v in pair.votes),
        earlier=-(pair.earlier or 0), right=None if pair.right is None else 1 - pair.right,
        marks={person: _turned_cells(cells) for person, cells in pair.marks.items()},
        groups=pair.groups, earlier_cells=_turned_cells(pair.earlier_cells),
        known={1 - place: right for place, right in pair.known.items()},
    )  # fmt: skip


# --- Numbers that can be checked by hand ----------------------------------------------------------


def test_dbg_of_the_specification() -> None:
    """Judge .8 .7 .9 against gold .6 .7 .65 gives .15; the rows are repeated to be enough."""
    pairs, trials = [], {}
    for n in range(30):
        score, gold = ((0.8, 12), (0.7, 14), (0.9, 13))[n % 3]
        votes = tuple(Vote(str(k), 1.0 if k < gold else -1.0) for k in range(20))
        pairs.append(Pair(str(n), str(n), ("a", "b"), families=("amber", "x"), votes=votes))
        trials[str(n), "plain"] = Trial(1.0, score)
    finding = AUDITS["self_preference"].examine(Material(pairs, trials, "amber"), 0.05)
    assert finding.headline.estimate == pytest.approx(0.15)
    assert finding.grade is Grade.FAIL


def test_best_of_n_of_the_specification() -> None:
    """Ranks 1, 2, 10 give accuracy 1/3 and a mean reciprocal rank of .533333."""
    pairs, trials = [], {}
    for group in range(30):
        unbeaten = (0, 1, 9)[group % 3]
        for wrong in range(9):
            key = f"{group}-{wrong}"
            pairs.append(Pair(key, str(group), ("right", "wrong"), right=0, group=str(group)))
            trials[key, "plain"] = Trial((0.0, -1.0)[wrong % 2] if wrong < unbeaten else 1.0)
    finding = AUDITS["best_of_n"].examine(Material(pairs, trials), 0.0)
    accuracy, rank = finding.figures
    assert (accuracy.numerator, accuracy.denominator) == (10, 30)
    assert rank.estimate == pytest.approx(0.533333, abs=1e-6)


def test_a_ranking_says_who_beats_whom_and_a_best_one_no_more() -> None:
    """1 before 0 and 2, which are even; then only that 1 is best."""
    whole = Trial(None, cells=order_cells({0: 1.0, 1: 2.0, 2: 1.0}))
    assert whole.cells == {"0-1": 0.0, "0-2": 0.5, "1-2": 1.0}
    assert whole.marks_by_place() == {0: 0.25, 1: 1.0, 2: 0.25}
    best = Trial(None, cells=order_cells({0: 0.0, 1: 1.0, 2: 0.0}, best_only=True))
    assert best.cells == {"0-1": 0.0, "1-2": 1.0}
    assert best.marks_by_place() == {0: 0.0, 1: 1.0, 2: 0.0}


def test_a_judge_that_repeats_itself_badly_is_not_told_so_twice() -> None:
    """It moves half of its levels by half of the scale, whether or not they are typed otherwise."""
    pairs = [Pair(str(n), str(n), ("a", "b")) for n in range(40)]
    trials = {}
    for n, pair in enumerate(pairs):
        for name, moved in (("plain", 0.0), ("again-1", n % 2 / 2), ("retyped", (n + 1) % 2 / 2)):
            trials[pair.key, name] = Trial(None, cells={"0/0": 0.5 + moved})
    finding = AUDITS["score_over_sensitivity"].examine(Material(pairs, trials), 0.1)
    assert [each.estimate for each in finding.figures] == pytest.approx([0.0, 0.25, 0.25])
    assert finding.grade is Grade.PASS


def test_half_the_sum_of_the_log_odds_is_the_bias() -> None:
    """The specification's numbers: p .838526 and .488178 shown in the two orders; bias .8."""
    pairs = [Pair(str(n), str(n), ("a", "b")) for n in range(30)]
    shows = (Show(0, 1.0, 0.838526), Show(1, 1.0, 1 - 0.488178))
    trials = {(pair.key, "plain"): Trial(1.0, 0.7, shows) for pair in pairs}
    finding = AUDITS["position"].examine(Material(pairs, trials), 0.2)
    assert finding.headline.estimate == pytest.approx(0.8, abs=1e-5)
    assert finding.figures[1].estimate == 1.0


def test_intervals_by_hand() -> None:
    wilson = share("x", [1.0] * 15 + [0.0] * 5, list(range(20)))
    assert (wilson.low, wilson.high) == pytest.approx((0.48996, 0.90356), abs=1e-5)
    clustered = share("x", ([1.0] * 15 + [0.0] * 5) * 2, [n % 20 for n in range(40)])
    assert (clustered.low, clustered.high) == pytest.approx((wilson.low, wilson.high))
    middle = mean("x", [1.0, 2.0, 3.0], [1, 2, 3])
    assert (middle.low, middle.high) == pytest.approx((2 - 4.02099, 2 + 4.02099), abs=1e-5)
    assert ratio("x", [1.0, 2.0], [2.0, 4.0], [1, 2]).known() == pytest.approx((0.5, 0.5, 0.5))
    assert slope("x", [2.0, 4.0, 6.0, 8.0], [1, 2, 3, 4], [], [1, 2, 3, 4]).estimate == 2
    assert kappa([1, 1, 0, 0], [1, 0, 0, 0]) == pytest.approx(0.5)
    assert alpha([{1: 2}, {0: 2}, {0: 1, 1: 1}]) == pytest.approx(1 - 2 * 5 / 18)


# --- Texts ----------------------------------------------------------------------------------------

MARKED = "# Plan\n\n- **Ask** them\n- call `911`\n\n1. See [this](http://x.org)\n> It's *late*."


def test_texts_change_in_the_one_respect_they_should() -> None:
    assert unformatted(MARKED) == "Plan\n\nAsk them\ncall 911\n\nSee this\nIt's late."
    assert sorted(reversed_words(MARKED).split()) == sorted(MARKED.split())
    assert padded(MARKED).startswith(MARKED)
    assert len(padded("x" * 1000)) >= 1500
    for text in (MARKED, "", "plain", "He said “no”. I don't."):
        assert retyped(text) != text
    assert retyped("I don't know. it is “late”.") == 'I do not know.  it\'s "late".'
