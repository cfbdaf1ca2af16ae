"""Figures that others published or that come with real data, found again by our audits."""

import csv
import gzip
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from django.conf import settings

from models_runtime.audit_catalogue import AUDITS
from models_runtime.audits import Finding, Grade, Material, Pair, Show, Trial, Vote
from models_runtime.judging.checklists import Checked, pass_rate
from models_runtime.judging.ratings import expected_rating
from models_runtime.judging.subject import Criterion

DATA = Path(settings.BASE_DIR).parent / "shared" / "data"
NUMBERS = {"x": 1.0, "y": -1.0, "tie": 0.0}


def rows_of(folder: str, name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / folder / name, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def needs(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not (DATA / folder).exists(), reason=f"the {folder} data is not on this machine"
    )


def examine(slug: str, material: Material) -> Finding:
    return AUDITS[slug].examine(material, AUDITS[slug].limit)


# --- LLMBar ---------------------------------------------------------------------------------------


def llmbar_pairs() -> dict[str, tuple[str, Pair]]:
    """item -> (subset, pair)"""
    return {
        row["item"]: (
            row["subset"],
            Pair(
                row["item"], row["item"], (row["output_1"], row["output_2"]),
                right=int(row["gold"]) - 1,
            ),
        )
        for row in rows_of("llmbar_llm_judges", "items.csv.gz")
    }  # fmt: skip


@needs("llmbar_llm_judges")
def test_every_published_accuracy_and_consistency_of_llmbar() -> None:
    pairs = llmbar_pairs()
    calls: dict[tuple[str, str, str], dict[str, dict[int, str]]] = defaultdict(dict)
    for row in rows_of("llmbar_llm_judges", "judgments.csv.gz"):
        subset, _ = pairs[row["item"]]
        judge = calls[row["judge_model"], row["strategy"], subset]
        judge.setdefault(row["item"], {})[int(row["swapped"])] = row["winner"]
    checked = 0
    for row in rows_of("llmbar_llm_judges", "published_scores.csv.gz"):
        judge = calls[row["judge_model"], row["strategy"], row["subset"]]
        material = Material(
            [pairs[item][1] for item in judge],
            {(item, "plain"): _trial(found) for item, found in judge.items()},
        )
        accuracy = examine("known_answers", material).figures
        place = {figure.name: figure for figure in examine("position", material).figures}
        consistency = place.get(
            "same verdict, unreadable counted as one", place.get("same winner in both orders")
        )
        assert consistency is not None
        found = [*(figure.estimate for figure in accuracy), consistency.estimate]
        published = [
            float(row[name]) / 100
            for name in (
                "correct_average", "correct_unswapped", "correct_swapped", "positional_consistency"
            )
        ]  # fmt: skip
        assert found == pytest.approx(published, abs=1e-9), row
        checked += 1
    assert checked == 325


def _trial(found: dict[int, str]) -> Trial:
    shows = tuple(
        Show(swapped, 1.0 if winner == "1" else -1.0)
        for swapped, winner in sorted(found.items())
        if winner != "None"
    )
    unread = tuple(swapped for swapped, winner in sorted(found.items()) if winner == "None")
    number = shows[0].number if len({show.number for show in shows}) == 1 else 0.0
    return Trial(number if shows else None, None, shows, unread)


# --- LLMFAO ---------------------------------------------------------------------------------------


def llmfao(judge: str) -> Material:
    texts = {row["pair_id"]: row for row in rows_of("llmfao", "pairs.csv.gz")}
    organisations = {row["id"]: row["org"] for row in rows_of("llmfao", "models.csv.gz")}
    votes: dict[str, list[Vote]] = defaultdict(list)
    verdicts: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows_of("llmfao", "judgments.csv.gz"):
        number = NUMBERS[row["winner"]]
        if row["annotator_kind"] == "human":
            votes[row["pair_id"]].append(Vote(row["annotator"], number))
        else:
            verdicts[row["annotator"]][row["pair_id"]] = number
    (other,) = set(verdicts) - {judge}
    pairs = [
        Pair(
            key, row["prompt_id"], (row["response_x"], row["response_y"]),
            families=(organisations[row["model_x"]], organisations[row["model_y"]]),
            votes=tuple(votes[key]), others={other: verdicts[other][key]},
        )
        for key, row in texts.items()
    ]  # fmt: skip
    trials = {(key, "plain"): Trial(number) for key, number in verdicts[judge].items()}
    return Material(pairs, trials, family="OpenAI", seed=1)


# The shares of 1,831 plurality labels that come with the data.
PLURALITY = {"gpt4": 0.446, "gpt3": 0.377}


@needs("llmfao")
@pytest.mark.parametrize("judge", ["gpt3", "gpt4"])
def test_the_card_of_llmfaos_judges_is_complete(judge: str) -> None:
    """Recorded verdicts without calls: an audit finds a figure or says what is lacking."""
    material = llmfao(judge)
    assert len(material.pairs) == len(material.trials) == 2139
    card = {slug: examine(slug, material) for slug in AUDITS}
    for finding in card.values():
        if finding.grade is Grade.UNKNOWN:
            assert finding.sentence.startswith("Not enough data: ")
        else:
            _, low, high = finding.headline.known()
            assert low <= high
            assert finding.headline.denominator > 0
    told = {slug for slug, finding in card.items() if finding.grade is not Grade.UNKNOWN}
    assert told == {"agreement", "length", "self_preference"}
    figures = {figure.name: figure for figure in card["agreement"].figures}
    people = figures["agreement of two people"].estimate
    assert people == pytest.approx(0.53, abs=0.03)
    kappa = figures["kappa with the majority"]
    assert kappa.denominator == 1831
    assert kappa.numerator / 1831 == pytest.approx(PLURALITY[judge], abs=5e-4)


# --- REALSumm -------------------------------------------------------------------------------------


@needs("realsumm_checklists")
def test_majority_per_statement_gives_every_released_score_of_realsumm() -> None:
    ticks: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows_of("realsumm_checklists", "judgments.csv.gz"):
        ticks[row["system"], row["doc"]][row["criterion"]].append(int(row["present"]))
    statements: dict[str, list[Criterion]] = defaultdict(list)
    for row in rows_of("realsumm_checklists", "criteria.csv.gz"):
        statements[row["doc"]].append(Criterion(int(row["criterion"]), row["text"]))
    checked = 0
    for row in rows_of("realsumm_checklists", "published_scores.csv.gz"):
        answers = ticks[row["system"], row["doc"]]
        found = {
            int(criterion): Checked("yes" if 2 * sum(told) > len(told) else "no", fmean(told))
            for criterion, told in answers.items()
        }
        score = pass_rate(found, statements[row["doc"]]).rate
        assert score == pytest.approx(float(row["litepyramid_recall"]), abs=1e-9)
        checked += 1
    assert checked == 1500


# --- LLM-Rubric -----------------------------------------------------------------------------------


@needs("llm_rubric")
def test_published_errors_of_the_rubric_judge() -> None:
    """On 223 real dialogues: argmax RMSE 1.201643, expected value RMSE 0.918676, r 0.177301."""
    people = {
        row["item"]: float(row["score"])
        for row in rows_of("llm_rubric", "judgments.csv.gz")
        if row["part"] == "real" and row["question"] == "Q0"
    }
    likeliest, expected, given = [], [], []
    for row in rows_of("llm_rubric", "llm_judge_gpt35.csv.gz"):
        if row["part"] == "real" and row["question"] == "Q0":
            p = {str(k): float(row[f"answer{k}_prob"]) for k in range(1, 5)}
            likeliest.append(float(max(p, key=lambda k: p[k])))
            total = sum(p.values())
            expected.append(expected_rating({level: each / total for level, each in p.items()}))
            given.append(people[row["item"]])
    assert len(given) == 223
    assert _rmse(likeliest, given) == pytest.approx(1.201643, abs=5e-7)
    assert _rmse(expected, given) == pytest.approx(0.918676, abs=5e-7)
    assert np.corrcoef(expected, given)[0, 1] == pytest.approx(0.177301, abs=5e-7)


def _rmse(first: Sequence[float], second: Sequence[float]) -> float:
    return math.sqrt(fmean((x - y) ** 2 for x, y in zip(first, second, strict=True)))
