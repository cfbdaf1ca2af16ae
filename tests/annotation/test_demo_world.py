"""The demo world: what was written, who was invented, and how they judge."""

import itertools
import math
import re
from collections import Counter, defaultdict

import pytest

from annotation.demo_world.content import (
    SYSTEMS,
    Qualities,
    demo_criteria,
    demo_prompts,
    guideline_text,
)
from annotation.demo_world.people import (
    GROUPS,
    OWN_DEVIATION,
    Habit,
    SimulatedPerson,
    simulated_people,
)
from annotation.demo_world.simulation import TIE, answer_checklist, choose
from annotation.rendering import render_markdown

SEED = 7
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")


def win_rates(people: list[SimulatedPerson]) -> dict[str, float]:
    """How often each system's answer is preferred, ties counting half."""
    points: dict[str, list[float]] = defaultdict(list)
    for prompt in demo_prompts():
        for a, b in itertools.combinations(prompt.answers, 2):
            for person in people:
                key = f"{a.external_id} {b.external_id}"
                choice = choose(person, (a.qualities, b.qualities), key=key, seed=SEED)
                point = 0.5 if choice.strength == 0 else float(choice.strength > 0)
                points[a.system].append(point)
                points[b.system].append(1 - point)
    return {system: sum(values) / len(values) for system, values in points.items()}


# --- What was written -------------------------------------------------------------------------


def test_there_are_about_forty_questions_each_answered_once_by_every_system() -> None:
    prompts = demo_prompts()
    assert 36 <= len(prompts) <= 48
    assert len({prompt.external_id for prompt in prompts}) == len(prompts)
    for prompt in prompts:
        assert {answer.system for answer in prompt.answers} == set(SYSTEMS), prompt.external_id


def test_answers_have_sixty_to_a_hundred_and_sixty_words() -> None:
    lengths = {
        answer.external_id: len(answer.text.split())
        for prompt in demo_prompts()
        for answer in prompt.answers
    }
    assert {name: n for name, n in lengths.items() if not 60 <= n <= 160} == {}


def test_no_answer_is_used_twice_and_neither_text_nor_id_gives_its_system_away() -> None:
    texts = [answer.text for prompt in demo_prompts() for answer in prompt.answers]
    assert len(set(texts)) == len(texts)
    ids = [answer.external_id for prompt in demo_prompts() for answer in prompt.answers]
    assert len(set(ids)) == len(ids)
    assert [told for told in texts + ids if any(n.lower() in told.lower() for n in SYSTEMS)] == []


def test_the_order_of_answers_gives_no_system_away() -> None:
    first = Counter(prompt.answers[0].system for prompt in demo_prompts())
    assert min(first[system] for system in SYSTEMS) >= 5


def test_some_answers_hold_a_list_a_table_code_and_mathematics() -> None:
    rendered = [
        render_markdown(answer.text) for prompt in demo_prompts() for answer in prompt.answers
    ]
    for tag, at_least in (("<ol", 10), ("<ul", 8), ("<table", 4), ("<pre", 3), ("<math", 1)):
        assert sum(tag in html for html in rendered) >= at_least, tag


def test_one_question_is_written_from_right_to_left_and_one_in_another_language() -> None:
    by_language = Counter(prompt.language for prompt in demo_prompts())
    assert by_language["ar"] >= 1
    assert by_language["de"] >= 1
    for prompt in demo_prompts():
        if prompt.language == "ar":
            assert all(RIGHT_TO_LEFT.search(answer.text) for answer in prompt.answers)


def test_the_answers_to_a_question_differ_in_their_planted_qualities() -> None:
    for prompt in demo_prompts():
        for a, b in itertools.combinations(prompt.answers, 2):
            distance = sum(
                abs(x - y)
                for x, y in zip(a.qualities.centred(), b.qualities.centred(), strict=True)
            )
            assert distance > 0.4, (a.external_id, b.external_id)


def test_a_quality_outside_zero_to_one_is_refused() -> None:
    with pytest.raises(ValueError, match="warmth must lie between 0 and 1"):
        Qualities(directness=0.5, warmth=1.2, caution=0.5, thoroughness=0.5)


def test_the_guidelines_say_that_people_are_simulated() -> None:
    for name in ("pairwise", "checklist"):
        text = guideline_text(name)
        assert "simulated people" in text
        assert 60 <= len(text.split()) <= 260


# --- Who was invented -------------------------------------------------------------------------


def test_there_are_three_groups_of_eighteen_twelve_and_six_and_three_careless_people() -> None:
    people = simulated_people(SEED)
    sizes = Counter(person.group for person in people)
    assert sizes == {"directness first": 18, "kindness first": 12, "caution first": 6, None: 3}
    assert all((person.group is None) == (person.habit != Habit.ATTENTIVE) for person in people)
    assert len({person.external_id for person in people}) == 39


def test_the_same_seed_makes_the_same_people_and_another_seed_others() -> None:
    assert simulated_people(SEED) == simulated_people(SEED)
    assert simulated_people(SEED) != simulated_people(SEED + 1)


def test_a_person_deviates_from_their_group_but_not_far() -> None:
    weights = {group.name: group.weights for group in GROUPS}
    deviations = [
        own - common
        for person in simulated_people(SEED)
        if person.group
        for own, common in zip(person.weights, weights[person.group], strict=True)
    ]
    spread = (sum(d * d for d in deviations) / len(deviations)) ** 0.5
    assert 0.8 * OWN_DEVIATION < spread < 1.2 * OWN_DEVIATION


def test_what_people_value_tells_their_group_mostly_and_their_age_does_not() -> None:
    """Over many seeds: the share whose declared preference is that of their group."""
    declares = {group.name: group.declares for group in GROUPS}
    people = [p for seed in range(30) for p in simulated_people(seed) if p.group]
    truthful = sum(p.attributes["values_most"] == declares[p.group or ""] for p in people)
    assert 0.82 < truthful / len(people) < 0.92  # 0.8 + 0.2/3
    by_age: dict[str, Counter[str | None]] = defaultdict(Counter)
    for person in people:
        by_age[person.attributes["age_band"]][person.group] += 1
    for groups in by_age.values():
        assert abs(groups["directness first"] / groups.total() - 0.5) < 0.12


# --- How they judge ---------------------------------------------------------------------------


def test_each_group_likes_another_system_best() -> None:
    people = simulated_people(SEED)
    favourite = {}
    for group in GROUPS:
        rates = win_rates([person for person in people if person.group == group.name])
        favourite[group.name] = max(rates, key=lambda system: rates[system])
    assert favourite == {
        "directness first": "Tarn",
        "kindness first": "Willowby",
        "caution first": "Ostler",
    }


def test_what_most_like_best_is_what_one_group_likes_least() -> None:
    """The point of the demo: the largest group's favourite is the worst for the smallest group,
    and the system nobody likes best is the one no group likes least."""
    people = simulated_people(SEED)
    rates = {
        group.name: win_rates([person for person in people if person.group == group.name])
        for group in GROUPS
    }
    smallest = rates["caution first"]
    assert min(smallest, key=lambda system: smallest[system]) == "Tarn"
    worst_off = {system: min(group[system] for group in rates.values()) for system in SYSTEMS}
    assert max(worst_off, key=lambda system: worst_off[system]) == "Meridon"


def test_a_judgment_depends_only_on_person_question_and_seed() -> None:
    people = simulated_people(SEED)
    a, b = demo_prompts()[0].answers[:2]
    pair = (a.qualities, b.qualities)
    forwards = [choose(person, pair, key="q", seed=SEED) for person in people]
    backwards = [choose(person, pair, key="q", seed=SEED) for person in reversed(people)]
    assert forwards == backwards[::-1]
    assert forwards != [choose(person, pair, key="another", seed=SEED) for person in people]


def test_attentive_people_have_no_favourite_side_and_a_careless_one_has() -> None:
    people = {person.habit: person for person in simulated_people(SEED)}
    answer = demo_prompts()[0].answers[0]
    even = (answer.qualities, answer.qualities)
    towards_first = {}
    for habit in (Habit.ATTENTIVE, Habit.LEFT):
        choices = [choose(people[habit], even, key=str(k), seed=SEED) for k in range(400)]
        towards_first[habit] = sum(
            choice.strength * (1 if choice.shown_order == (0, 1) else -1) > 0 for choice in choices
        ) / len(choices)
    towards_either_side = 1 / (1 + math.exp(TIE))  # 0.39; the rest are ties
    assert abs(towards_first[Habit.ATTENTIVE] - towards_either_side) < 0.08
    assert towards_first[Habit.LEFT] == 1


def test_swapping_the_places_mirrors_what_people_tend_to_say() -> None:
    person = next(p for p in simulated_people(SEED) if p.group == "directness first")
    tarn, willowby = (
        next(a for a in demo_prompts()[0].answers if a.system == name)
        for name in ("Tarn", "Willowby")
    )
    there = [
        choose(person, (tarn.qualities, willowby.qualities), key=str(k), seed=1).strength
        for k in range(500)
    ]
    back = [
        choose(person, (willowby.qualities, tarn.qualities), key=str(k), seed=2).strength
        for k in range(500)
    ]
    assert sum(there) / 500 > 0.8
    assert abs(sum(there) + sum(back)) / 500 < 0.25


def test_a_mirrored_judgment_says_the_same_of_swapped_places() -> None:
    person = simulated_people(SEED)[0]
    a, b = demo_prompts()[0].answers[:2]
    choice = choose(person, (a.qualities, b.qualities), key="q", seed=SEED)
    mirror = choice.mirrored()
    assert (mirror.strength, mirror.both_bad) == (-choice.strength, choice.both_bad)
    assert mirror.shown_order == choice.shown_order[::-1]
    assert mirror.mirrored() == choice


def test_ties_both_bad_and_every_strength_occur() -> None:
    choices = [
        choose(person, (a.qualities, b.qualities), key=a.external_id + b.external_id, seed=SEED)
        for prompt in demo_prompts()
        for a, b in itertools.combinations(prompt.answers, 2)
        for person in simulated_people(SEED)
    ]
    share = {s: n / len(choices) for s, n in Counter(c.strength for c in choices).items()}
    assert set(share) == set(range(-3, 4))
    assert min(share.values()) > 0.08
    assert 0.001 < sum(choice.both_bad for choice in choices) / len(choices) < 0.05
    assert all(choice.strength == 0 for choice in choices if choice.both_bad)
    assert 0.05 < sum(bool(choice.reason) for choice in choices) / len(choices) < 0.2
    careless = [c.elapsed_ms for c in choices if c.elapsed_ms < 10_000]
    assert 0.04 < len(careless) / len(choices) < 0.12


def test_a_checklist_says_not_applicable_only_where_nobody_is_involved() -> None:
    person = simulated_people(SEED)[0]
    for prompt in demo_prompts():
        for answer in prompt.answers:
            given = answer_checklist(
                person,
                answer.qualities,
                demo_criteria(),
                factual=prompt.factual,
                key=answer.external_id,
                seed=SEED,
            )
            assert len(given) == 6
            skipped = {i for i, value in enumerate(given) if value == "not_applicable"}
            assert skipped == ({1, 4} if prompt.factual else set())


def test_checklist_answers_follow_the_planted_qualities() -> None:
    people = [person for person in simulated_people(SEED) if person.group]
    yes: dict[tuple[str, int], list[bool]] = defaultdict(list)
    for prompt in demo_prompts():
        for answer in prompt.answers:
            for person in people:
                given = answer_checklist(
                    person,
                    answer.qualities,
                    demo_criteria(),
                    factual=prompt.factual,
                    key=answer.external_id,
                    seed=SEED,
                )
                for index, value in enumerate(given):
                    if value != "not_applicable":
                        yes[answer.system, index].append(value == "yes")
    share = {key: sum(values) / len(values) for key, values in yes.items()}
    best = {index: max(SYSTEMS, key=lambda s: share[s, index]) for index in range(6)}
    assert best[0] == "Tarn"
    assert best[1] == "Willowby"
    assert best[2] == "Ostler"
    assert best[3] == "Meridon"
