"""What every export keeps to: its declared fields, the same every time, nobody's identity."""

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from aggregation.catalogue import EXPORTS
from aggregation.curation import Curation, Ledger
from aggregation.dataset_files import canonical, parquet_rows, write_rows
from aggregation.exports import (
    Export,
    ExportedCandidate,
    ExportedJudgment,
    ExportedQuestion,
    Row,
)
from annotation.evidence import Answer, Comparison, Evidence, Label, Ranking, TieKind

every_export = pytest.mark.parametrize("slug", sorted(EXPORTS))

A_PERSON = "ada.lovelace@example.org"


@dataclass
class FrozenHere:
    """A snapshot made of plain records, as exports know it."""

    asked: tuple[ExportedQuestion, ...]
    curation: Curation = field(default_factory=Curation)
    ledger: Ledger = field(default_factory=Ledger)

    def questions(self) -> Iterator[ExportedQuestion]:
        yield from self.asked


def judgment(number: int, **rest: Any) -> ExportedJudgment:
    said: dict[str, Any] = {
        "position": number,
        "public_id": f"00000000-0000-4000-8000-{number:012d}",
        "annotator": f"annotator-{number:05d}",
        "annotator_kind": "person",
        "judgment_type": "pairwise",
        "payload": {"strength": 1},
        "evidence": (Comparison(0, 1, 1),),
        "shown_order": (1, 0),
        "confidence": None,
        "elapsed_ms": 1200,
        "reason": None,
        "attributes": None,
        "group": "all",
        "source": "browser",
        "day": "2026-11-21",
    }
    return ExportedJudgment(**(said | rest))


TIE: dict[str, Any] = {
    "payload": {"strength": 0},
    "evidence": (Comparison(0, 1, 0, TieKind.ABOUT_THE_SAME),),
}
BAD: dict[str, Any] = {
    "payload": {"strength": 0, "both_bad": True},
    "evidence": (Comparison(0, 1, 0, TieKind.BOTH_BAD),),
}
SECOND: dict[str, Any] = {"payload": {"strength": -3}, "evidence": (Comparison(0, 1, -3),)}
CHECKED: dict[str, Any] = {
    "judgment_type": "checklist",
    "payload": {"answers": {"0": {"0": "yes"}}},
    "evidence": (Label(0, 0, Answer.YES),),
}


def question(name: str, *judgments: ExportedJudgment, texts: str = "ab") -> ExportedQuestion:
    return ExportedQuestion(
        name,
        f"prompt-{name}",
        ({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Why? ñ 日本"}),
        tuple(
            ExportedCandidate(f"{name}-{place}", text, None if place else "system-0")
            for place, text in enumerate(texts)
        ),
        judgments,
    )


RANKED: dict[str, Any] = {
    "judgment_type": "ranking",
    "payload": {"tiers": [[2], [0]], "of": 4},
    "evidence": (Ranking(((2,), (0,)), (0, 1, 2, 3)),),
}
WORLD = (
    question("clear", judgment(1), judgment(2), judgment(3, **SECOND)),
    question("tied", judgment(4), judgment(5, **SECOND)),
    question("same", judgment(6, **TIE), judgment(7, **BAD)),
    question("twins", judgment(8), texts="aa"),
    question("listed", judgment(9, **CHECKED), texts="a"),
    question("ranked", judgment(14, **RANKED), texts="abcd"),
    question(
        "grouped",
        judgment(10, group="calm", confidence=0.7),
        judgment(11, group=None, shown_order=None, elapsed_ms=None),
        judgment(12, attributes={"age": "30–39"}, group="calm", **SECOND),
        judgment(13, group="calm", reason="It is kinder."),
    ),
)


def rows_of(export: Export, **rest: Any) -> list[Row]:
    return list(export.rows(FrozenHere(WORLD, **rest)))


@every_export
def test_it_says_what_it_is(slug: str) -> None:
    export = EXPORTS[slug]
    assert export.slug == slug
    assert export.title
    assert export.description.endswith(".")
    assert f"{slug}.parquet" in export.loading
    assert len(export.loading.splitlines()) == 3
    names = [each.name for each in export.fields]
    assert len(set(names)) == len(names)
    assert all(each.meaning.endswith(".") for each in export.fields)
    assert inspect.getdoc(inspect.getmodule(export))


@every_export
def test_rows_have_exactly_the_declared_fields_and_fit_both_files(
    slug: str, tmp_path: Path
) -> None:
    export = EXPORTS[slug]
    rows = rows_of(export)
    assert rows
    for row in rows:
        assert set(row) == {each.name for each in export.fields}
    written = write_rows(tmp_path, slug, export.fields, rows)
    lines = (tmp_path / f"{slug}.jsonl").read_bytes().splitlines()
    assert written.rows == len(rows) == len(lines)
    assert list(parquet_rows(tmp_path / f"{slug}.parquet", export.fields)) == lines


@every_export
def test_the_same_snapshot_gives_the_same_rows(slug: str) -> None:
    export = EXPORTS[slug]
    assert canonical(rows_of(export)) == canonical(rows_of(export))


@every_export
def test_an_empty_snapshot_gives_no_rows(slug: str) -> None:
    assert list(EXPORTS[slug].rows(FrozenHere(()))) == []


@every_export
def test_it_adds_nothing_that_the_snapshot_does_not_hold(slug: str) -> None:
    """An export sees pseudonyms only; what it writes must come from what it was given."""
    said = orjson.loads(canonical(rows_of(EXPORTS[slug])))
    texts = set(_texts(said))
    given = json.dumps([_plain(each) for each in WORLD], ensure_ascii=False) + EXPLAINED
    assert {text for text in texts if text not in given} == set()


EXPLAINED = "assistant all comparison label ranking "


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _plain(value: object) -> object:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return dict(value) if isinstance(value, dict) else value


@every_export
def test_what_it_leaves_out_is_in_the_ledger_with_a_reason(slug: str) -> None:
    """Every judged pair is a row of a pair export or an entry; raw judgments leave nothing out."""
    frozen = FrozenHere(WORLD)
    rows = list(EXPORTS[slug].rows(frozen))
    entries = frozen.ledger.entries(slug)
    assert all(entry.meaning for entry in entries)
    if slug == "raw_judgments":
        assert len(rows) == sum(len(each.judgments) for each in WORLD)
        assert not entries
    else:
        implied = {"ranked": 5}  # of six pairs, one is of two that weren't listed
        verdicts = sum(
            len({j.group for j in each.judgments}) * implied.get(each.external_id, 1)
            for each in WORLD
        )
        assert len(rows) + sum(entry.count for entry in entries) == verdicts


# --- TRL preference in particular -------------------------------------------------------------


def pairs(*asked: ExportedQuestion, **policy: Any) -> tuple[list[Row], Ledger]:
    frozen = FrozenHere(asked or WORLD, Curation(**policy))
    return list(EXPORTS["trl_preference"].rows(frozen)), frozen.ledger


def test_ties_identical_texts_and_questions_without_a_pair_become_no_row() -> None:
    rows, ledger = pairs()
    pairwise = [row for row in rows if row["question_id"] != "ranked"]
    assert [(row["question_id"], row["group"]) for row in pairwise] == [
        ("clear", "all"),
        ("grouped", "calm"),
    ]
    assert {
        (entry.reason, entry.group): entry.count for entry in ledger.entries("trl_preference")
    } == {
        ("tie", "all"): 2,
        ("identical_texts", "all"): 1,
        ("no_comparison", "all"): 1,
        ("small_group", "all"): 1,
    }


def test_a_ranking_is_a_vote_on_every_pair_it_implies() -> None:
    ranked = next(each for each in WORLD if each.external_id == "ranked")
    rows, _ = pairs(ranked)
    won = {(str(row["chosen_id"])[-1], str(row["rejected_id"])[-1]) for row in rows}
    assert won == {("2", "0"), ("2", "1"), ("2", "3"), ("0", "1"), ("0", "3")}
    assert {row["strength"] for row in rows} == {1.0}


def test_swapping_the_places_swaps_nothing_but_the_places() -> None:
    clear = WORLD[0]
    mirrored = replace(
        clear,
        candidates=clear.candidates[::-1],
        judgments=tuple(
            replace(each, evidence=tuple(_mirrored(e) for e in each.evidence))
            for each in clear.judgments
        ),
    )
    assert pairs(clear)[0] == pairs(mirrored)[0]


def _mirrored(said: Evidence) -> Evidence:
    assert isinstance(said, Comparison)
    return replace(said, strength=-said.strength)


@pytest.mark.parametrize(
    ("policy", "agreement", "n", "strength"),
    [
        ({"ties": "half"}, 0.7, 5, 0.4),
        ({"ties": "ignore"}, 1.0, 2, 1.0),
        ({"ties": "half", "both_bad": "ignore"}, 0.75, 4, 0.5),
    ],
)
def test_each_tie_policy_counts_as_it_says(
    policy: dict[str, str], agreement: float, n: int, strength: float
) -> None:
    asked = question(
        "mixed",
        judgment(1),
        judgment(2),
        judgment(3, **TIE),
        judgment(4, **TIE),
        judgment(5, **BAD),
    )
    (row,), _ = pairs(asked, **policy)
    assert row["agreement"] == pytest.approx(agreement)
    assert row["n"] == n
    assert row["strength"] == pytest.approx(strength)
    assert (row["ties"], row["both_bad"]) == (2, 1)


def test_ties_as_an_answer_of_their_own_can_keep_a_pair_out() -> None:
    asked = question("mixed", judgment(1), judgment(2), judgment(3, **TIE), judgment(4, **TIE))
    rows, ledger = pairs(asked, ties="own")
    assert not rows
    assert ledger.total("trl_preference") == 1


def test_a_pair_that_most_call_bad_can_be_dropped() -> None:
    asked = question("mixed", judgment(1), judgment(2, **BAD))
    assert len(pairs(asked)[0]) == 1
    rows, ledger = pairs(asked, both_bad="drop_pair")
    assert not rows
    assert ledger.entries("trl_preference")[0].reason == "both_bad"


def test_filters_leave_out_thin_and_contested_pairs() -> None:
    contested = question("contested", judgment(1), judgment(2), judgment(3, **SECOND))
    assert not pairs(contested, least_agreement=0.7)[0]
    assert not pairs(contested, least_votes=4)[0]
    assert len(pairs(contested, least_agreement=0.6, least_votes=3)[0]) == 1
