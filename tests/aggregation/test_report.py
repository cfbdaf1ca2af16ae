"""The pluralistic report: every number with what it rests on, nothing about fewer than five."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aggregation.pluralism import rules
from aggregation.pluralism.inconsistency import group_inconsistency, verdict_disagreement
from aggregation.pluralism.welfare import welfare
from aggregation.report import Checks, Material, Reason, Report, ReportOptions, build, plain
from aggregation.report.associations import guarded
from aggregation.report.copies import near_copies, systems_alike
from aggregation.report.figures import Figure, estimate
from aggregation.report.picks import picks_of
from aggregation.report.study import study
from aggregation.tables import Comparisons, TableError
from tests.aggregation.golden.test_pluralism_groups import SHARES, U, item_world

QUICK = ReportOptions(replicates=40, restarts=4, most=4)
LETTERS = tuple("ABCDE")


def material(seed: int = 0, each: int = 24, people: int = 100, **rest: Any) -> Material:
    table, _ = item_world(seed, each, people)
    return Material(replace(table, ids=LETTERS), "systems", **rest)


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """Three groups of 45, 35 and 20 people who want different things; group 2 gives reasons."""
    table, group = item_world(0, 24)
    reasons = tuple(
        Reason(str(who), "prompt", "E", "D", 1 if group[who] == 1 else -1, f"Because {who}.")
        for who in range(100)
    )
    region = np.where(np.arange(100) % 10 < np.where(group == 1, 8, 3), "south", "north")
    attributes = {str(who): {"region": str(region[who])} for who in range(98)}
    attributes |= {"98": {"region": "west"}, "99": {"region": "west"}}
    ids = tuple(str(who) for who in range(100))
    given = Material(
        replace(table, ids=LETTERS, annotator_ids=ids),
        "systems",
        reasons=reasons,
        attributes=attributes,
    )
    return plain(build(given, QUICK))


def figures(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every figure of a report, with where it stands."""
    if isinstance(value, dict):
        if set(value) == {"value", "n", "of", "lo", "hi", "why"}:
            yield path, value
        else:
            for key, each in value.items():
                yield from figures(each, f"{path}.{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from figures(each, f"{path}[{number}]")


def bare(value: Any, path: str = "", told_why: bool = False) -> Iterator[str]:
    """Where numbers stand outside of figures and of parts that give one reason for all of them."""
    if isinstance(value, dict):
        told_why = told_why or bool(value.get("why_no_interval"))
        if set(value) != {"value", "n", "of", "lo", "hi", "why"}:
            for key, each in value.items():
                yield from bare(each, f"{path}.{key}", told_why)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from bare(each, f"{path}[{number}]", told_why)
    elif isinstance(value, int | float) and not isinstance(value, bool) and not told_why:
        yield path


def check_every_number(told: dict[str, Any]) -> int:
    """Each has what it rests on and an interval, or says why not. How many there are."""
    assert list(bare(told)) == [".format"]  # the number of a form, not of a finding
    found = list(figures(told))
    for path, figure in found:
        if figure["value"] is None:
            assert figure["why"], path
            continue
        assert figure["n"] is not None, path
        assert figure["of"], path
        assert (figure["lo"] is not None) == (figure["hi"] is not None), path
        assert figure["lo"] is not None or figure["why"], path
        if figure["lo"] is not None:
            assert figure["lo"] <= figure["hi"], path
    return len(found)


def sentences(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = value.get("sentences", [])
        return list(own) + [s for each in value.values() for s in sentences(each)]
    return []


def test_a_number_without_an_interval_must_say_why() -> None:
    with pytest.raises(ValueError, match="must say why"):
        Figure(0.5, 3, "people")
    with pytest.raises(ValueError, match="must say why"):
        Figure(None)


def test_every_number_has_its_basis_and_an_interval_or_a_reason(told: dict[str, Any]) -> None:
    told = json.loads(json.dumps(told))
    assert check_every_number(told) > 150
    told["decisions"]["price"] = 0.1
    assert list(bare(told)) == [".format", ".decisions.price"]


def test_three_groups_are_found_told_and_told_apart(told: dict[str, Any]) -> None:
    assert told["sufficiency"]["verdict"] == "groups"
    cards = told["groups"]["cards"]
    assert [round(card["share"]["value"], 1) for card in cards] == [0.4, 0.4, 0.2]
    for card, share in zip(cards, SHARES, strict=True):
        assert card["share"]["lo"] - 0.02 < share < card["share"]["hi"] + 0.02
    assert cards[1]["likes"] == ["E", "C"]
    first = cards[1]["examples"][0]
    assert first["preference"] == "prefers “E” to “D”"
    assert first["here"]["value"] > 0.9 > 0.2 > first["elsewhere"]["value"]
    assert first["here"]["n"] >= 5
    assert told["groups"]["inconsistency"]["value"] > 0.5


def test_pluralism_is_kept_apart_from_noise(told: dict[str, Any]) -> None:
    noise = told["disagreement"]
    assert noise["pluralism"]["lo"] > 0.2
    assert noise["between_groups"]["value"] > 0.5 > noise["within_groups"]["value"]
    assert any("pluralism and not noise" in said for said in noise["sentences"])
    assert noise["flips_repeats"]["value"] < 0.2
    assert noise["flips_gold"]["why"] == "no question with a known answer was asked"


def test_the_rules_choose_differently_and_say_what_it_costs(told: dict[str, Any]) -> None:
    rows = {row["rule"]: row for row in told["decisions"]["rules"]}
    assert len(rows) == 11
    assert (rows["maxmin_pick"]["said"], rows["maxmin_pick"]["verdict"]) == ("C", "clear")
    assert rows["plurality"]["said"] == "B"
    assert rows["bradley_terry"]["said"] == "D"
    assert rows["bradley_terry"]["least_served"] == "group 2"
    lottery = rows["maxmin_lottery"]
    assert lottery["minimum"]["value"] >= rows["maxmin_pick"]["minimum"]["value"]
    assert sum(each["chance"]["value"] for each in lottery["choice"]) == pytest.approx(1, abs=1e-4)
    lowest = min(w["value"] for w in rows["maxmin_pick"]["welfare"])
    assert rows["maxmin_pick"]["minimum"]["value"] == pytest.approx(lowest)
    assert told["decisions"]["robust"] is True
    price = told["decisions"]["price"]
    expected = rows["bradley_terry"]["mean"]["value"] - rows["maxmin_pick"]["mean"]["value"]
    assert price["value"] == pytest.approx(expected, abs=1e-5)
    assert 0.3 < told["decisions"]["cross_fitted"]["maxmin_pick"]["value"] < 0.5


def test_a_pick_that_resamples_change_is_called_a_tie() -> None:
    """Two items liked alike by all: half of the resamples pick the other."""
    rng = np.random.default_rng(3)
    who = np.repeat(np.arange(40), 12)
    y = rng.choice([1, -1], len(who))
    table = Comparisons.from_arrays(
        np.zeros(len(who), dtype=int), np.ones(len(who), dtype=int), y, annotator=who,
        ids=["left", "right"], annotator_ids=range(40),
    )  # fmt: skip
    made = plain(build(Material(table, "systems"), QUICK))
    row = next(r for r in made["decisions"]["rules"] if r["rule"] == "bradley_terry")
    assert row["frequency"]["value"] < 0.9
    assert row["verdict"] == "tie"
    assert any("call it a tie" in said for said in made["decisions"]["sentences"])


def test_a_minority_is_quoted_in_its_own_words_without_names(told: dict[str, Any]) -> None:
    dissents = told["minority"]["dissents"]
    assert dissents[0]["preference"] == "prefers “E” to “D”"
    assert dissents[0]["opposite"]["value"] > 0.9
    quotes = [quote["text"] for quote in dissents[0]["quotes"]]
    assert len(set(quotes)) == 3
    _, group = item_world(0, 24)
    assert all(group[int(text.split()[1].rstrip("."))] == 1 for text in quotes)
    served = {row["group"]: row for row in told["minority"]["served"]}
    assert (
        served["group 2"]["single_model"]["value"] < 0.5 < served["group 2"]["own_model"]["value"]
    )
    assert (
        served["group 2"]["filtered_plain"]["value"]
        > 1.5 * told["minority"]["filter_rate"]["value"]
    )
    assert served["group 2"]["warned"] is True


def test_declared_attributes_are_an_association_with_small_cells_hidden(
    told: dict[str, Any],
) -> None:
    (found,) = told["groups"]["associations"]
    assert found["values"] == ["north", "south"]  # two westerners are nobody's business
    assert found["p"] <= 0.01
    assert "association, not an explanation" in found["sentence"]
    shown = [cell for row in found["cells"] for cell in row if cell is not None]
    assert len(shown) == 6
    assert min(shown) >= 5
    assert "west" not in json.dumps(told)


def test_a_small_cell_takes_the_one_beside_it_along() -> None:
    """Otherwise a group's size, less what is shown, would give it away."""
    table = np.array([[40, 3, 20], [30, 9, 8], [12, 0, 2]])
    hidden = np.where(guarded(table) >= 5, 1, 0)
    assert hidden.tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 0]]


def test_no_cell_under_five_people_is_anywhere_in_the_report(told: dict[str, Any]) -> None:
    for path, figure in figures(told):
        if figure["of"] == "people" and figure["value"] is not None:
            assert figure["n"] >= 5, path


def test_a_map_draws_nobody_by_name_and_no_mark_that_fewer_than_five_share(
    told: dict[str, Any],
) -> None:
    marks = [point["group"] for point in told["map"]["points"]]
    assert {g: marks.count(g) >= 5 for g in set(marks)} == dict.fromkeys(set(marks), True)
    assert len(told["map"]["regions"]) == 3
    assert [p["x"] for p in told["map"]["points"]] == sorted(p["x"] for p in told["map"]["points"])
    centres = [(r["x"], r["y"]) for r in told["map"]["regions"]]
    apart = [np.hypot(a[0] - b[0], a[1] - b[1]) for a in centres for b in centres if a != b]
    assert min(apart) > 1


def test_four_people_are_too_few_for_any_report() -> None:
    rng = np.random.default_rng(0)
    table = Comparisons.from_arrays(
        np.zeros(80, dtype=int), np.ones(80, dtype=int), rng.choice([1, -1], 80),
        annotator=np.repeat(np.arange(4), 20), annotator_ids=range(4),
    )  # fmt: skip
    made = plain(build(Material(table), QUICK))
    assert made["withheld"].startswith("Fewer than 5 people have judged")
    assert [made[name] for name in ("groups", "decisions", "map", "minority")] == [None] * 4
    assert list(figures(made)) == []


def test_few_people_get_numbers_without_intervals() -> None:
    made = plain(build(material(people=11, each=30), QUICK))
    assert made["about"]["people"] < 12
    rows = made["decisions"]["rules"]
    assert "too few people for intervals" in rows[0]["mean"]["why"]
    assert rows[0]["verdict"] == "not known"
    assert check_every_number(made) > 50


def test_thin_data_are_said_not_to_tell_groups_apart() -> None:
    made = plain(build(material(each=6), QUICK))
    assert made["sufficiency"]["verdict"] == "not enough"
    assert made["sufficiency"]["gate"] == ["the median annotator has 6 votes, fewer than 10"]
    assert "Groups can't be told apart" in " ".join(made["summary"])
    assert made["disagreement"]["pluralism"]["value"] is None
    assert len(made["groups"]["cards"]) == 1
    assert check_every_number(made) > 50


def test_the_same_seed_gives_the_same_report_and_another_seed_another() -> None:
    given = material(each=16, people=60)
    few = ReportOptions(replicates=5, restarts=2, most=3)

    def told_by(options: ReportOptions) -> str:
        return json.dumps(plain(build(given, options)))

    assert told_by(few) == told_by(few) != told_by(replace(few, seed=1))


def test_a_report_can_be_stopped_between_resamples() -> None:
    seen = []

    class Stop(Exception):
        pass

    def watch(done: int, most: int) -> None:
        seen.append((done, most))
        if done == 3:
            raise Stop

    with pytest.raises(Stop):
        build(material(each=16, people=60), QUICK, watch)
    assert seen == [(0, 40), (1, 40), (2, 40), (3, 40)]


def test_declared_groups_are_named_and_small_ones_merged() -> None:
    table, group = item_world(0, 24)
    assert table.annotator is not None
    named = np.where(group == 2, 2, group)[table.annotator].astype(np.int32)
    named[table.annotator >= 97] = 3
    given = Material(
        replace(table, ids=LETTERS), "systems", declared=named,
        declared_names=("east", "north", "south", "west"), attribute="region",
    )  # fmt: skip
    made = plain(build(given, replace(QUICK, replicates=10)))
    assert made["groups"]["names"] == ["east", "north", "south"]
    assert made["groups"]["declared"] is True
    assert any("fewer than 5 people" in note for note in made["sufficiency"]["gate"])
    assert "west" not in json.dumps(made)
    assert check_every_number(made) > 150


def test_gold_answers_give_a_flip_rate_of_their_own() -> None:
    gold = Checks(tuple("abcdefghijkl"), (10,) * 12, (1, 2, 0, 1, 3, 0, 1, 1, 2, 0, 1, 0))
    made = plain(build(material(each=16, gold=gold), replace(QUICK, replicates=20)))
    found = made["disagreement"]["flips_gold"]
    assert found["value"] == pytest.approx(0.1)
    assert found["lo"] < 0.1 < found["hi"]
    few = Checks(("a",), (10,), (9,))
    alone = plain(build(material(each=16, gold=few), replace(QUICK, replicates=2)))
    assert alone["disagreement"]["flips_gold"]["value"] is None


def test_repeats_kept_beside_the_votes_tell_how_often_people_contradict_themselves() -> None:
    """Votes on thirty prompts: nobody judged one pair twice, but some were asked again apart."""
    table = material(each=16).table
    apart = replace(
        table,
        group=np.arange(len(table), dtype=np.int32) % 16,
        group_ids=tuple(f"p{n}" for n in range(16)),
    )
    repeats = Checks(tuple("abcdefgh"), (5,) * 8, (1, 0, 1, 2, 1, 0, 1, 2))
    few = replace(QUICK, replicates=20)
    alone = plain(build(Material(apart), few))["disagreement"]
    both = plain(build(Material(apart, repeats=repeats), few))["disagreement"]
    assert alone["within_people"]["why"] == "nobody judged the same pair twice"
    assert both["within_people"]["value"] == pytest.approx(0.2)
    assert both["within_people"]["lo"] < 0.2 < both["within_people"]["hi"]
    assert both["flips_repeats"]["value"] == pytest.approx((1 - 0.6**0.5) / 2, abs=1e-6)
    added = both["within_groups"]["value"] - both["within_people"]["value"]
    assert both["ambiguity"]["value"] == pytest.approx(added, abs=2e-6)


def test_groups_found_on_systems_hold_for_responses_with_few_votes_each() -> None:
    """A hundred and fifty responses are too many to find groups on; the five systems suffice."""
    coarse, _ = item_world(2, 24)
    coarse = replace(coarse, ids=LETTERS)
    prompt = np.random.default_rng(5).integers(0, 30, len(coarse))
    fine = replace(
        coarse,
        a=(prompt * 5 + coarse.a).astype(np.int32),
        b=(prompt * 5 + coarse.b).astype(np.int32),
        ids=tuple((f"p{p}", letter) for p in range(30) for letter in LETTERS),
    )
    few = replace(QUICK, replicates=12)
    alone = plain(build(Material(fine, "responses"), few))
    told_twice = plain(build(Material(fine, "responses", coarse=coarse), few))
    assert len(alone["groups"]["cards"]) < 3
    assert len(told_twice["groups"]["cards"]) == 3
    assert any("systems behind" in said for said in told_twice["sufficiency"]["sentences"])
    assert told_twice["decisions"]["choices"]["value"] == 30
    assert check_every_number(told_twice) > 300
    apart = told_twice["decisions"]["apart"]
    assert len(apart) == 12
    assert all(each["gain"]["value"] is None or each["gain"]["value"] > 0 for each in apart)
    assert {row["item"][0] for row in apart[0]["items"]} == set("ABCDE")
    assert told_twice["decisions"]["disagreeing"]["value"] > 0.3
    price, gain = told_twice["decisions"]["price"], told_twice["decisions"]["gain"]
    assert gain["value"] > price["value"] > 0
    assert gain["lo"] is not None
    with pytest.raises(TableError, match="same people"):
        build(Material(fine, coarse=replace(coarse, annotator_ids=("x",) * 100)), few)


def test_a_property_that_one_group_likes_is_named_and_one_that_nobody_likes_is_not() -> None:
    """Half of the people want long answers, half short ones; the colour means nothing."""
    rng = np.random.default_rng(7)
    people, each, items = 60, 30, 40
    who = np.repeat(np.arange(people), each)
    a = rng.integers(0, items, len(who))
    b = (a + rng.integers(1, items, len(who))) % items
    long = np.arange(items) % 2
    wish = np.where(who % 2 == 0, 1.5, -1.5)
    chance = 1 / (1 + np.exp(-wish * (long[a] - long[b])))
    y = np.where(rng.random(len(who)) < chance, 1, -1)
    table = Comparisons.from_arrays(a, b, y, annotator=who, n_items=items, group=who * 0)
    halves = (who % 2).astype(np.int32)
    given = Material(
        table, declared=halves, declared_names=("patient", "hurried"), attribute="time",
        properties={
            "length": ["long" if each else "short" for each in long],
            "colour": [("red", "green", "blue")[i % 3] for i in range(items)],
        },
    )  # fmt: skip
    made = plain(build(given, replace(QUICK, replicates=60)))
    assert check_every_number(made) > 50
    found = made["groups"]["traits"]
    assert found["looked_at"]["value"] == 2 * 4
    strong = [t for t in found["traits"] if abs(t["effect"]["value"]) > 0.5]
    assert {(t["attribute"], t["level"]) for t in strong} == {("length", "long")}
    effects = {t["group"]: t["effect"] for t in strong}
    patient, hurried = effects["patient"], effects["hurried"]
    assert patient["lo"] > 0 > hurried["hi"]
    assert patient["value"] == pytest.approx(-hurried["value"], abs=1e-5)
    assert (
        2.0 < patient["value"] < 3.4
    )  # 2 x 1.5 log-odds between the halves, drawn in by the ridge
    assert any("Patient likes responses with length “long” more" in s for s in found["sentences"])
    nothing = plain(build(replace(given, properties={}), replace(QUICK, replicates=2)))
    assert nothing["groups"]["traits"]["why_none"].startswith("nothing is known")


def test_so_many_random_people_are_not_believed() -> None:
    rng = np.random.default_rng(4)
    who = np.repeat(np.arange(40), 14)
    a = rng.integers(0, 3, len(who))
    b = (a + rng.integers(1, 3, len(who))) % 3
    careful = who < 24
    y = np.where(careful & (rng.random(len(who)) < 0.95), np.sign(a - b), rng.choice([1, -1], 560))
    made = plain(build(Material(Comparisons.from_arrays(a, b, y, annotator=who)), QUICK))
    assert made["disagreement"]["looks_random"]["value"] is None
    assert "rather differ in ways" in " ".join(made["disagreement"]["sentences"])


def test_without_comparisons_there_is_no_report() -> None:
    with pytest.raises(TableError, match="nothing to report on yet"):
        build(Material(Comparisons.from_arrays([], [], [])), QUICK)


# --- What it is computed with --------------------------------------------------------------------


def test_picks_of_many_resamples_equal_the_rules_one_by_one() -> None:
    rng = np.random.default_rng(1)
    u, shares = rng.normal(size=(50, 3, 5)), rng.dirichlet(np.ones(3), 50)
    u[0], shares[0] = U, SHARES
    found = picks_of(u, shares)
    assert {rule: int(picks[0]) for rule, picks in found.items()}["maxmin_pick"] == 2
    for b in range(50):
        known = rules.decisions(u[b], shares[b])
        for alpha in (1.0, 2.0):
            W = welfare(u[b])
            known[f"alpha_fair({alpha:g})"] = rules.alpha_fair(W, shares[b], alpha)
        for rule, picks in found.items():
            assert int(picks[b]) in known[rule].picks, (rule, b)


def test_group_inconsistency_counts_opposite_verdicts_between_groups() -> None:
    P = np.array([[0.9, 0.8, 0.7, 0.2], [0.6, 0.3, 0.9, 0.9]])
    assert verdict_disagreement(P, np.ones(4)).tolist() == [[0.0, 0.5], [0.5, 0.0]]
    assert group_inconsistency(P, np.ones(4), [0.9, 0.1]) == pytest.approx(0.5)
    assert group_inconsistency(P, [1, 0, 1, 0], [0.5, 0.5]) == 0
    assert group_inconsistency([[0.9], [0.1], [0.1]], [1.0], [0.5, 0.25, 0.25]) == pytest.approx(
        0.8
    )
    assert np.isnan(group_inconsistency(P[:1], np.ones(4), [1.0]))


def test_the_report_is_a_dataclass_all_the_way(told: dict[str, Any]) -> None:
    assert set(told) == set(Report.__dataclass_fields__)
    json.dumps(told, allow_nan=False)
    assert len(sentences(told)) > 20


def with_judges() -> Material:
    """Three groups of people, and models: one votes as the second group, one by a coin, one only
    twice.
    """
    rng = np.random.default_rng(5)
    a, b = np.array([(i, j) for i in range(5) for j in range(i)] * 12).T
    as_second = np.where(rng.random(len(a)) < 1 / (1 + np.exp(U[1][b] - U[1][a])), 1, -1)
    coin = rng.choice([1, -1], len(a))
    who = np.repeat([0, 1, 2], [len(a), len(a), 2])
    table = Comparisons.from_arrays(
        np.concatenate([a, a, a[:2]]), np.concatenate([b, b, b[:2]]),
        np.concatenate([as_second, coin, coin[:2]]),
        annotator=who, annotator_ids=["second", "coin", "brief"], ids=[*LETTERS[:5], "unknown"],
    )  # fmt: skip
    return material(judges=table)


def test_model_judges_stand_beside_the_groups_and_count_in_none(told: dict[str, Any]) -> None:
    made = plain(build(with_judges(), QUICK))
    second, coin = made["judges"]["places"]
    assert (second["name"], coin["name"], made["judges"]["left_out"]) == ("second", "coin", 1)
    assert coin["beside"] == "random votes"
    middle = {r["name"]: (r["x"], r["y"]) for r in made["map"]["regions"]}
    distance = {name: np.hypot(second["x"] - x, second["y"] - y) for name, (x, y) in middle.items()}
    assert second["beside"] == min(distance, key=distance.__getitem__)
    agrees = [figure["value"] for figure in second["agrees"]]
    assert made["groups"]["names"][int(np.argmax(agrees))] == second["beside"]
    assert max(agrees) > 0.75
    assert sum(figure["value"] for figure in second["chances"]) == pytest.approx(1, abs=1e-5)
    assert all(figure["lo"] is not None for figure in second["agrees"])
    # nothing about the people moves
    assert made["groups"]["cards"][0]["share"] == told["groups"]["cards"][0]["share"]
    assert made["decisions"]["rules"] == plain(build(material(), QUICK))["decisions"]["rules"]
    assert check_every_number(made) > 150
    assert any("would not hear them" in said for said in made["judges"]["sentences"])


def test_without_votes_on_the_same_items_no_judge_is_placed() -> None:
    strange = Comparisons.from_arrays([0] * 12, [1] * 12, [1] * 12, annotator=[0] * 12, ids="xy")
    few = replace(QUICK, replicates=2)
    assert plain(build(material(judges=strange), few))["judges"] is None
    assert plain(build(material(), few))["judges"] is None


def test_intervals_grow_where_few_people_stand_behind_a_number() -> None:
    draws = np.random.default_rng(0).normal(0.5, 0.1, 4000)
    wide, narrow = (estimate(0.5, draws, 9, "people", "", people=n) for n in (9, 900))
    assert wide.lo is not None
    assert wide.hi is not None
    assert narrow.lo is not None
    assert narrow.hi is not None
    # Student's t on 8 degrees of freedom, 2.306 sqrt(9 / 8), against 1.96
    assert (wide.hi - wide.lo) / (narrow.hi - narrow.lo) == pytest.approx(2.446 / 1.964, rel=0.04)


def test_a_group_rests_on_fewer_heads_where_membership_is_unsure() -> None:
    case = study(material(), QUICK)
    assert case.heads.sum() <= case.found.n_people + 1e-9
    assert (case.heads >= 0.7 * case.sizes).all()


def test_near_copies_are_named_beside_the_choice() -> None:
    few = replace(QUICK, replicates=2)
    made = plain(build(material(copies=(("A", "C"), ("B", "unseen"))), few))
    (said,) = [s for s in made["decisions"]["sentences"] if s.startswith("Near-copies")]
    assert "“A” and “C”" in said
    assert "unseen" not in said
    without = plain(build(material(), few))["decisions"]["sentences"]
    assert not [s for s in without if s.startswith("Near-copies")]


def test_copies_are_found_by_their_words_and_systems_by_half_of_their_prompts() -> None:
    long = "one two three four five six seven eight nine ten " * 6
    rows = [
        ("p", "a", long), ("p", "b", long + "eleven"), ("p", "c", "quite another answer"),
        ("q", "a", "yes"), ("q", "b", "no"), ("r", "a", ""), ("r", "b", ""),
    ]  # fmt: skip
    assert near_copies((prompt, (prompt, key), text) for prompt, key, text in rows) == (
        (("p", "a"), ("p", "b")),
    )
    assert systems_alike(rows) == (("a", "b"),)
    assert systems_alike([*rows, ("s", "a", "maybe"), ("s", "b", "never")]) == ()


def test_a_system_that_bears_the_name_of_a_prompt_keeps_its_own() -> None:
    made = plain(build(material(texts={"A": "What is the capital of Norway?"}), QUICK))
    assert "Norway" not in json.dumps(made)
