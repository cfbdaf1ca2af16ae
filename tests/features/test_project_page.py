"""The project's page, read by an owner: pace, forecast, agreement, remarks."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from annotation.models import Annotator, Judgment, Question
from annotation.submission import record
from tests.cast import World, make_question


def given(world: World, annotator: Annotator, question: Question, day: int, strength: int) -> None:
    record(
        question=question, annotator=annotator, payload={"strength": strength},
        submission_key=f"{annotator.pk}-{question.pk}", source="api", shown_order=[0, 1],
        elapsed_ms=300, reason="same old words here again",
        now=timezone.now() - timedelta(days=day),
    )  # fmt: skip


def test_the_page_tells_pace_forecast_agreement_and_remarks(world: World, client: Client) -> None:
    """Two people answered for ten days, one of them always left, at once and in the same words."""
    many = [make_question(world.project, f"q{number:02}") for number in range(30)]
    for number, question in enumerate(many[:24]):
        day = 10 - number * 10 // 24
        given(world, world.annotator_ada, question, day, 2)
        given(world, world.annotator_bob, question, day, 2 if number % 4 else -2)
    client.force_login(world.olga)
    said = client.get("/projects/advice/").content.decode()
    assert Judgment.objects.count() == 48
    for words in (
        "Throughput and forecast", "<svg", "judgments a day", "Who agrees with whom",
        "Quick for the length", "One side", "Same answer in a row", "Repeated reasons",
    ):  # fmt: skip
        assert words in said, words
    team = client.get("/projects/advice/").context["team"]
    assert (team.overall.value, team.overall.n) == (0.75, 24)
    forecast = client.get("/projects/advice/").context["throughput"].forecast
    assert forecast.earliest <= forecast.expected <= (forecast.latest or forecast.expected)
