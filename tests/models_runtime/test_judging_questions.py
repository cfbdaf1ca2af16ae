from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from annotation.models import Annotator, AnnotatorKind, Judgment, Project, QuestionState, WorkState
from models_runtime import enqueue
from models_runtime.errors import NotPossible
from models_runtime.judging_questions import run_judging
from models_runtime.models import ItemState, JudgeCall, JudgingItem, JudgingJob
from models_runtime.outcomes import Outcome
from models_runtime.prompting.parsing import ParseStatus
from tests.cast import make_project
from tests.models_runtime.loopback import model_server
from tests.models_runtime.worlds import pair, scripted, served

pytestmark = pytest.mark.django_db
GOOD, BAD = "Good advice {n}. ⟦u=1⟧", "Bad advice {n}. ⟦u=-1⟧"


def project_with_pairs(count: int = 6, slug: str = "advice") -> Project:
    """Pairs of which the even ones have the better response first."""
    project = make_project(slug)
    for number in range(count):
        texts = (GOOD.format(n=number), BAD.format(n=number))
        pair(project, number, *(texts if number % 2 == 0 else texts[::-1]))
    return project


def judge(project: Project, ways: dict[str, Any] | None = None, **options: Any) -> JudgingJob:
    job = enqueue.request_judging(project, scripted(project, **options), seed=3, options=ways)
    return carry_out(job)


def carry_out(job: JudgingJob) -> JudgingJob:
    """Shift after shift, without the waits between them, as workers would."""
    while not job.is_final:
        JudgingItem.objects.update(not_before=None)
        type(job).objects.update(not_before=None)
        run_judging(job.pk)
        job.refresh_from_db()
    return job


def strengths() -> list[int]:
    return list(
        Judgment.objects.order_by("question__external_id").values_list(
            "payload__strength", flat=True
        )
    )


def test_a_model_judges_every_question_as_an_annotator_of_its_own() -> None:
    job = judge(project_with_pairs())
    assert (job.state, job.progress_done) == (WorkState.DONE, 6)
    assert strengths() == [3, -3, 3, -3, 3, -3]
    annotator = Annotator.objects.get()
    assert annotator.kind == AnnotatorKind.MODEL
    assert "scripted" in annotator.display_name
    assert set(Judgment.objects.values_list("annotator", "source", "standing")) == {
        (annotator.pk, "model", "counted")
    }


def test_a_model_takes_nobodys_seat() -> None:
    judge(project_with_pairs())
    assert set(JudgingItem.objects.values_list("question__state", flat=True)) == {
        QuestionState.OPEN
    }


def test_both_orders_are_asked_and_every_call_is_kept_raw() -> None:
    job = judge(project_with_pairs())
    calls = JudgeCall.objects.filter(item__job=job)
    assert calls.count() == 12
    assert set(calls.values_list("order", flat=True)) == {"ab", "ba"}
    assert all("Verdict: [[" in call.raw for call in calls)
    assert len(set(calls.values_list("inputs_hash", flat=True))) == 12


def test_the_reason_is_what_the_judge_wrote_before_its_verdict() -> None:
    judge(project_with_pairs(1))
    reason = Judgment.objects.get().reason
    assert reason
    assert "Verdict" not in reason


def test_a_judge_that_only_likes_the_first_place_says_nothing_but_ties() -> None:
    judge(project_with_pairs(), position_bias=50.0)
    assert strengths() == [0] * 6


def test_label_probabilities_take_the_bias_out_and_show_it() -> None:
    ways = {"template": "labelled@1", "reducer": "logit_mean"}
    judge(project_with_pairs(), ways, position_bias=0.8, tau=4.0)
    signs = [(s > 0) - (s < 0) for s in strengths()]
    assert signs == [1, -1, 1, -1, 1, -1]
    for item in JudgingItem.objects.all():
        assert item.position_bias == pytest.approx(0.8)
        assert item.judgment is not None
        assert item.judgment.confidence == pytest.approx(1 / (1 + 2.718281828 ** (-0.5)))


def test_labels_that_hold_little_mass_leave_the_question_unjudged() -> None:
    judge(project_with_pairs(), {"template": "labelled@1"}, garbage_rate=1.0)
    assert not Judgment.objects.exists()
    assert set(JudgingItem.objects.values_list("state", "outcome")) == {
        (ItemState.DONE, Outcome.INVALID)
    }


def test_garbage_is_repaired_or_asked_again_and_never_becomes_a_tie() -> None:
    judge(project_with_pairs(30), garbage_rate=0.5)
    calls = JudgeCall.objects.all()
    assert calls.filter(kind="repair", status=ParseStatus.REPAIRED).exists()
    assert calls.filter(sample__gt=0).exists()
    invalid = JudgingItem.objects.filter(outcome=Outcome.INVALID)
    assert Judgment.objects.count() + invalid.count() == 30
    assert all(item.why and item.judgment is None for item in invalid)
    for item in JudgingItem.objects.exclude(outcome=Outcome.INVALID):
        read = item.calls.filter(status__in=[ParseStatus.OK, ParseStatus.REPAIRED])
        assert set(read.values_list("order", flat=True)) == {"ab", "ba"}


def test_the_same_seed_asks_the_same_in_another_project() -> None:
    judge(project_with_pairs(8), garbage_rate=0.3)
    first = set(JudgeCall.objects.values_list("inputs_hash", "seed", "raw"))
    other = project_with_pairs(8, "other")
    judge(other, garbage_rate=0.3)
    again = JudgeCall.objects.filter(item__job__project=other)
    assert set(again.values_list("inputs_hash", "seed", "raw")) == first


def test_refusals_are_counted_as_such_and_give_no_judgment() -> None:
    judge(project_with_pairs(4), refusal_rate=1.0)
    assert not Judgment.objects.exists()
    assert set(JudgeCall.objects.values_list("status", flat=True)) == {ParseStatus.REFUSED}
    assert "order ab: refused, refused, refused" in JudgingItem.objects.all()[0].why


def test_one_order_alone_is_drawn_by_hash_and_kept_as_shown() -> None:
    judge(project_with_pairs(20), {"both_orders": False})
    orders = list(Judgment.objects.values_list("shown_order", flat=True))
    assert {tuple(order) for order in orders} == {(0, 1), (1, 0)}
    assert JudgeCall.objects.count() == 20


def test_a_second_delivery_changes_nothing() -> None:
    job = judge(project_with_pairs())
    before = list(Judgment.objects.values_list("pk", flat=True))
    carry_out(job)
    assert list(Judgment.objects.values_list("pk", flat=True)) == before
    assert JudgeCall.objects.count() == 12


def test_a_judging_that_was_cut_off_asks_only_what_is_missing() -> None:
    project = project_with_pairs(1)
    job = enqueue.request_judging(project, scripted(project), seed=3)
    first = carry_out(job)
    assert first.state == WorkState.DONE
    ab = JudgeCall.objects.get(order="ab")
    other = enqueue.request_judging(project, scripted(project, "birch"), seed=3)
    item = other.items.get()
    JudgeCall.objects.create(
        item=item, attempt=1, step="ab", order="ab", kind="ask", sample=0,
        inputs_hash=ab.inputs_hash, seed=ab.seed, temperature=0, raw=ab.raw, finish="stop",
        status=ab.status, outcome=ab.outcome,
    )  # fmt: skip
    carry_out(other)
    assert list(item.calls.values_list("order", flat=True)) == ["ab", "ba"]
    assert Judgment.objects.count() == 2


def test_the_same_way_of_judging_is_not_asked_twice_but_another_way_is() -> None:
    project = project_with_pairs()
    checkpoint = scripted(project)
    carry_out(enqueue.request_judging(project, checkpoint))
    with pytest.raises(NotPossible, match="hasn't judged in this way"):
        enqueue.request_judging(project, checkpoint)
    carry_out(enqueue.request_judging(project, checkpoint, options={"reducer": "score_mean"}))
    assert Annotator.objects.count() == 2
    assert Judgment.objects.count() == 12


def test_two_jobs_at_once_keep_one_judgment_per_question() -> None:
    project = project_with_pairs()
    checkpoint = scripted(project)
    jobs = [enqueue.request_judging(project, checkpoint) for _ in range(2)]
    for job in jobs:
        assert carry_out(job).state == WorkState.DONE
    assert Judgment.objects.count() == 6
    assert not JudgingItem.objects.filter(judgment__isnull=True).exists()


def test_a_withdrawn_question_is_left_alone() -> None:
    project = project_with_pairs(2)
    job = enqueue.request_judging(project, scripted(project))
    project.questions.filter(external_id="question-0000").update(state=QuestionState.WITHDRAWN)
    carry_out(job)
    assert Judgment.objects.count() == 1
    assert JudgingItem.objects.counts()["cancelled"] == 1


def test_a_shift_that_ends_goes_on_in_the_next() -> None:
    project = project_with_pairs()
    job = enqueue.request_judging(project, scripted(project))
    assert run_judging(job.pk, length=timedelta(seconds=-1)) == timedelta()
    assert run_judging(job.pk) is None
    assert Judgment.objects.count() == 6


def test_requests_that_fail_set_their_question_aside_and_the_rest_is_judged() -> None:
    job = judge(project_with_pairs(20), poison_rate=0.15)
    failed = JudgingItem.objects.filter(state=ItemState.FAILED)
    assert 0 < failed.count() < 20
    assert Judgment.objects.count() == 20 - failed.count()
    assert {item.cause for item in failed} == {"bad_request"}
    assert (job.state, f"{failed.count()} of 20 questions" in job.notice) == (WorkState.DONE, True)
    assert JudgeCall.objects.filter(status="engine_error", failure="bad_request").exists()


def test_a_server_without_log_probabilities_ends_a_labelled_job_with_a_sentence(
    settings: Any,
) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = project_with_pairs(2)
    with model_server(settings={"honours_logprobs": False}) as server:
        job = carry_out(
            enqueue.request_judging(
                project, served(project, server.url), options={"template": "labelled@1"}
            )
        )
    assert job.state == WorkState.FAILED
    assert "log-probabilities and sent none" in job.error
    assert not Judgment.objects.exists()
    (paid,) = JudgeCall.objects.all()  # the call that showed it was paid for
    assert (paid.failure, paid.tokens_in > 0, paid.tokens_out > 0) == ("unsupported", True, True)


def test_a_judge_behind_a_server_agrees_with_the_logic_behind_it(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    project = project_with_pairs()
    with model_server() as server:
        carry_out(enqueue.request_judging(project, served(project, server.url, in_flight=4)))
    assert strengths() == [3, -3, 3, -3, 3, -3]


def test_a_cancelled_job_keeps_what_was_judged() -> None:
    project = project_with_pairs()
    job = enqueue.request_judging(project, scripted(project))
    claimed = JudgingJob.objects.claim(job.pk, lease=job.lease)
    assert claimed is not None
    enqueue.cancel(claimed)
    assert carry_out(job).state == WorkState.CANCELLED
    assert JudgingItem.objects.counts()["cancelled"] == 6


@pytest.mark.parametrize(
    ("ways", "sentence"),
    [
        ({"template": "rhymed@1"}, "one of these for “How it is asked”: reasoned@1"),
        ({"reducer": "coin"}, "one of these for “How its answers become one”: both_orders"),
        ({"colour": "red"}, "no option “colour”"),
        ({"reducer": "logit_mean"}, "label probabilities"),
    ],
)
def test_ways_that_do_not_exist_are_refused(ways: dict[str, Any], sentence: str) -> None:
    project = project_with_pairs(1)
    with pytest.raises(NotPossible, match=sentence):
        enqueue.request_judging(project, scripted(project), options=ways)


def test_raw_calls_cannot_be_changed_or_removed() -> None:
    judge(project_with_pairs(1))
    for tamper in (lambda: JudgeCall.objects.update(raw="x"), JudgeCall.objects.all().delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            tamper()
