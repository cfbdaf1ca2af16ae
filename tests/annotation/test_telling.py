"""What pure parts say in English is told on pages in another language, by the message's shape."""

import re
from collections.abc import Iterator

import pytest
from django.utils.translation import override

from annotation.assignment_form import AssignmentForm
from annotation.phrases import listed, say
from annotation.quality.flags import Flag, flags
from annotation.telling import Shape, told, what_is_said
from tests.annotation.quality.test_flags import act

VALUE = re.compile(r"%\((\w+)\)s")
LEAST_LETTERS = 4  # of a message's own beside its values; less would take any text for its own


@pytest.fixture(autouse=True)
def german() -> Iterator[None]:
    with override("de"):
        yield


def test_what_was_said_is_told_with_its_values() -> None:
    said = say("The same answer %(times)s times in a row, of %(n)s looked at.", times=17, n=1200)
    assert told(said) == "Dieselbe Antwort 17 Mal hintereinander, von 1200 betrachteten."


def test_in_english_everything_stays_as_it_was_said() -> None:
    with override("en"):
        assert told("There is no such setting.") == "There is no such setting."


def test_what_nobody_said_stays_as_it_is() -> None:
    assert told("My dog ate 3.5 votes, and the rest is history.") == (
        "My dog ate 3.5 votes, and the rest is history."
    )


def test_what_people_wrote_stays_in_its_quotation_marks() -> None:
    said = say("“%(item)s” wins under all %(n)s rules here.", item="no judgments", n=12)
    assert told(said) == "„no judgments“ gewinnt hier unter allen 12 Regeln."


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert told("1,043.5 [−0.25, 3]") == "1.043,5 [−0,25, 3]"
    assert told("gpt-3.5") == "gpt-3.5"


def test_a_list_has_its_and_told() -> None:
    said = say("%(items_list)s win under the one rule here.", items_list=listed(["“a”", "“b”"]))
    assert told(said) == "“a” und “b” gewinnen hier unter der einen Regel."


def test_sentences_in_a_row_are_told_one_by_one() -> None:
    said = "There is no such setting. Say true or false."
    assert told(said) == "Diese Einstellung gibt es nicht. Sage wahr oder falsch."


def test_clauses_of_one_shape_are_told_one_by_one() -> None:
    def won(system: str, wins: int, shared: int) -> str:
        return say(
            "“%(system)s” wins under %(n)s of %(rules)s rules (%(shared)s of them shared)",
            system=system, n=wins, rules=31, shared=shared,
        )  # fmt: skip

    assert told("; ".join([won("starr; the 2nd", 31, 2), won("DuKG", 1, 1)])) == (
        "„starr; the 2nd“ gewinnt unter 31 von 31 Regeln (2 davon geteilt); "
        "„DuKG“ gewinnt unter 1 von 31 Regeln (1 davon geteilt)"
    )


def test_every_message_is_told_as_itself_and_as_no_other() -> None:
    """No shape is so wide that it takes another message's sentence for its own."""
    wrong = {}
    for message, german in what_is_said("de"):
        values = {name: _sample(name) for name in VALUE.findall(message)}
        given = {name: told(value) for name, value in values.items()}
        if told(message % values) != german % given:
            wrong[message] = told(message % values)
    assert wrong == {}


def test_no_message_with_values_says_next_to_nothing_itself() -> None:
    bare = [
        message
        for message, _german in what_is_said("de")
        if VALUE.search(message) and "%(n)s" not in message
        if len(re.findall(r"[^\W\d_]", VALUE.sub("", message))) < LEAST_LETTERS
        if "“" not in message
    ]
    assert sorted(bare) == ["not: %(statement)s"]


def _sample(name: str) -> str:
    return "1,234" if name == "n" or name.startswith("n_") else "xq"


# --- Where it reaches a page ---------------------------------------------------------------------

REFUSED = [
    ({"overlap_least": 2}, "overlap_most"),
    ({"overlap_least": 5, "overlap_most": 3}, "overlap_most"),
    ({"seats_per_group": "a: 1"}, "group_by"),
    ({"gold_share": 0.6, "repeat_share": 0.5}, "gold_share"),
    ({"group_by": "age", "seats_per_group": "a: 4000"}, "seats_per_group"),
    ({"group_by": "age", "seats_per_group": f"{'a' * 101}: 1"}, "seats_per_group"),
    ({"group_by": "age", "seats_per_group": "\n".join(f"{k}: 1" for k in range(51))},
     "seats_per_group"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "field"), REFUSED)
def test_a_refused_rule_is_told_in_the_readers_language(
    given: dict[str, object], field: str
) -> None:
    rest = {"order": "priority", "certainty": 0.9}
    german = list(AssignmentForm(rest | given).errors[field])
    with override("en"):
        english = list(AssignmentForm(rest | given).errors[field])
    assert len(german) == len(english) == 1
    assert german != english


def every_remark() -> list[Flag]:
    quick = [act(elapsed_ms=100, signature=str(k)) for k in range(20)]
    left = [act(chose_first=True, signature=str(k)) for k in range(40)]
    row = [act(signature="4") for _ in range(20)]
    poor = [act(reason="ok.", signature=str(k)) for k in range(6)]
    same = [act(reason="A is clearer and more helpful", signature=str(k)) for k in range(6)]
    return [flag for acts in (quick, left, row, poor, same) for flag in flags(acts)]


def test_every_remark_is_told_with_its_rule() -> None:
    found = every_remark()
    assert {flag.slug for flag in found} == {
        "too_fast", "one_side", "straight_line", "deficient_reasons", "pasted_reasons"
    }  # fmt: skip
    for flag in found:
        for said in (flag.title, flag.sentence, flag.rule):
            assert told(said) != said


def test_a_shape_knows_where_it_begins() -> None:
    shape = Shape.of("Give a number from %(least)s to %(most)s.")
    assert (shape.start, shape.end) == ("Give a number from ", ".")
    assert shape.pattern.fullmatch("Give a number from 0 to 1.")
