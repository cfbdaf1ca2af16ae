"""Runs of several rules, what was asked of them, steering, reports and releases."""

from aggregation.enqueue import (
    request_check,
    request_examination,
    request_release,
    request_replay,
    request_report,
    request_run,
)
from aggregation.models import Items, Release, Run
from aggregation.steering import switch_steering
from annotation.models import Project, User
from benchmarks.screen_world.carrying import carry_out, carry_out_everything

RULES = ("bradley_terry", "schulze", "borda", "maxmin", "win_rate")
MORE = ("davidson", "maximal_lottery", "elo", "mixture", "ability_bradley_terry", "kemeny")
LABELS = ("majority", "dawid_skene", "mace")


def bring_results(project: Project, owner: User) -> None:
    """Rules beside each other on the same judgments, examined, reported and published."""
    done = [carry_out(request_run(project, slug, user=owner)) for slug in (*RULES, *MORE)]
    first, others = done[0], done[1:4]
    for subject in ("sturdiness", "plan", "effects", "manipulation"):
        request_examination(first, subject, user=owner)
    request_examination(first, "rules", beside=others, user=owner)
    declared = {"attribute": "values_most"}
    request_examination(first, "groups", beside=others, options=declared, user=owner)
    request_examination(first, "majority", beside=others, user=owner)
    request_run(project, "bradley_terry", items=Items.CANDIDATES, user=owner)
    request_run(project, "bradley_terry", kinds=["person"], user=owner)
    request_replay(first, user=owner)
    request_report(project, options={"replicates": 60, "restarts": 3}, user=owner)
    by_word = {"attribute": "values_most", "replicates": 40, "restarts": 3}
    request_report(project, options=by_word, user=owner)
    switch_steering(project, is_on=True, user=owner)
    carry_out_everything()
    publish(project, owner, first)


def publish(project: Project, owner: User, run: Run) -> None:
    """Two versions, so that there are changes between them; the first one checked."""

    def told(notes: str, stands_on: Run | None) -> Release:
        return carry_out(
            request_release(project, run=stands_on, licence="CC-BY-4.0", notes=notes, user=owner)
        )

    release = told("The first hundred questions.", run)
    carry_out(request_check(release, rebuild=True))
    told("With a second week of answers.", None)


def bring_label_results(project: Project, owner: User) -> None:
    """The same for a checklist."""
    done = [carry_out(request_run(project, slug, user=owner)) for slug in LABELS]
    request_examination(done[0], "majority", user=owner)
    carry_out_everything()
