"""Rows packed into columns by the database are the rows that a plain reading gives."""

import math

import pytest
from django.db import connection, transaction
from django.db.models import F, TextField
from django.db.models.functions import Cast

from aggregation import packed_rows, packed_texts, streaming
from annotation.models import Judgment, Prompt
from tests.aggregation.test_loading import say
from tests.cast import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(world: World) -> list[Judgment]:
    """Six judgments; some with a confidence, one with a text that would break lines."""
    made = []
    for count, question in enumerate(world.questions[:3]):
        made.append(say(question, world.annotator_ada, {"strength": count}, confidence=0.25))
        made.append(
            say(question, world.annotator_bob, {"strength": 0, "note": "one\ntwo\t“three”"})
        )
    return made


def columns(**given: object) -> list[streaming.Columns]:
    rows = Judgment.objects.values(
        "position",
        "question_id",
        "profile_id",
        "confidence",
        "reason",
        text=Cast(F("payload"), TextField()),
    )
    return list(
        streaming.stream_columns(
            rows,
            order=("position",),
            integers=("position", "question_id", "profile_id"),
            floats=("confidence",),
            texts={"text": ("text",), "reason": ("reason",), "both": ("reason", "text")},
            **given,  # type: ignore[arg-type]
        )
    )


def seen(parts: list[streaming.Columns]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for part in parts:
        codes, texts = part.texts["text"]
        for row, position in enumerate(part.integers["position"].tolist()):
            confidence = part.floats["confidence"][row]
            found.append(
                (
                    position,
                    int(part.integers["question_id"][row]),
                    None if math.isnan(confidence) else float(confidence),
                    texts[codes[row]],
                )
            )
    return found


def plain() -> list[tuple[object, ...]]:
    return list(
        Judgment.objects.order_by("position")
        .annotate(text=Cast(F("payload"), TextField()))
        .values_list("position", "question_id", "confidence", "text")
    )


def test_columns_hold_what_the_rows_hold_in_their_order(log: list[Judgment]) -> None:
    (part,) = columns()
    assert seen([part]) == plain()
    assert part.integers["profile_id"].tolist() == [0] * 6  # NULL arrives as 0
    assert part.texts["reason"][1] == [""]


@pytest.mark.parametrize(("block", "at_once"), [(1, 1 << 20), (2, 2), (1 << 16, 1), (3, 4)])
def test_blocks_and_statements_of_any_size_join_to_the_same_rows(
    log: list[Judgment], monkeypatch: pytest.MonkeyPatch, block: int, at_once: int
) -> None:
    monkeypatch.setattr(streaming, "BLOCK", block)
    monkeypatch.setattr(streaming, "AT_ONCE", at_once)
    assert seen(columns()) == plain()
    assert seen(columns(at_most=10**9)) == plain()


@pytest.mark.parametrize("named", [0, 1, 2, 4096])
@pytest.mark.parametrize("at_once", [1 << 20, 2])
def test_texts_are_the_same_whether_few_are_asked_for_or_all_are_read(
    log: list[Judgment], monkeypatch: pytest.MonkeyPatch, named: int, at_once: int
) -> None:
    monkeypatch.setattr(packed_texts, "NAMED_TEXTS", named)
    monkeypatch.setattr(streaming, "AT_ONCE", at_once)
    assert seen(columns()) == plain()


def test_reading_leaves_the_settings_of_the_connection_as_they_were(log: list[Judgment]) -> None:
    def memory() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW work_mem")
            return str(cursor.fetchone()[0])

    before = memory()
    with transaction.atomic():
        columns()
    assert memory() == before


def test_no_rows_give_no_columns(world: World) -> None:
    assert columns() == []


@pytest.mark.parametrize(
    "within",
    [
        ("position",),
        ("question_id", "position"),
        ("profile_id", "question_id", "position"),
    ],
)
def test_small_numbers_side_by_side_arrive_as_they_were(
    log: list[Judgment], within: tuple[str, ...]
) -> None:
    highest = max(each.question_id for each in log) + max(each.position for each in log)
    (part,) = columns(within=dict.fromkeys(within, highest))
    assert seen([part]) == plain()
    assert part.integers["profile_id"].tolist() == [0] * 6


def test_numbers_too_large_for_one_word_go_into_several(log: list[Judgment]) -> None:
    wide = {"position": 1 << 40, "question_id": 1 << 40, "profile_id": (1 << 63) - 1}
    (part,) = columns(within=wide)
    assert seen([part]) == plain()


@pytest.mark.parametrize("block", [1, 2, 1 << 16])
def test_columns_that_are_mostly_empty_come_to_the_rows_that_have_them(
    log: list[Judgment], monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(streaming, "BLOCK", block)
    parts = columns(rare=("profile_id", "confidence"))
    assert seen(parts) == plain()
    assert not any(part.integers["profile_id"].any() for part in parts)


@pytest.mark.parametrize("one_cell", [0, 1 << 29])
def test_names_are_the_same_read_at_once_or_in_cells(
    world: World, monkeypatch: pytest.MonkeyPatch, one_cell: int
) -> None:
    monkeypatch.setattr(packed_rows, "ONE_CELL", one_cell)
    prompts = Prompt.objects.filter(project=world.project)
    keys, names = packed_texts.read_texts(
        prompts.values("id", "external_id"), "id", "external_id", most=1_000
    )
    rows = list(prompts.order_by("id").values_list("id", "external_id"))
    assert list(zip(keys.tolist(), names, strict=True)) == rows != []
    nobody = Prompt.objects.filter(pk=0).values("id", "external_id")
    keys, names = packed_texts.read_texts(nobody, "id", "external_id", most=0)
    assert (keys.tolist(), names) == ([], [])
