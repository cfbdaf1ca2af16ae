"""Scripted models: writing, judging, measuring; audited, studied; one job failed, one waiting."""

from typing import Any

from annotation.content import add_candidate, add_prompt
from annotation.models import Annotator, Project, User
from annotation.projects import create_project
from annotation.questions import ask
from annotation.submission import record
from benchmarks.screen_world.carrying import carry_out, carry_out_everything
from models_runtime import audit_gate
from models_runtime.audit_requests import request_audit
from models_runtime.checkpoints import register, retire
from models_runtime.combining_rewards import Part, combine_rewards
from models_runtime.enqueue import (
    cancel,
    request_generation,
    request_judging,
    request_probe,
    request_scoring,
)
from models_runtime.models import Checkpoint
from models_runtime.picking import pick_best
from models_runtime.picking_inputs import Input
from models_runtime.prompt_requests import request_prompts
from models_runtime.study_requests import make_rubric, request_study

LABELLED = {"template": "labelled@1", "reducer": "logit_mean"}
PRICE = {"price_in": 0.4, "price_out": 1.6}


def bring_models(project: Project, owner: User) -> None:
    audit_gate.set_rule(project, demands=False, user=owner)
    amber = scripted(project, owner, "amber-7b", noise=0.3)
    slanted = scripted(project, owner, "cobalt-70b-instruct", position_bias=2.5, length_bias=0.6)
    broken = scripted(project, owner, "dune-broken", poison_rate=1.0)
    patchy = scripted(project, owner, "ebony-patchy", poison_rate=0.3, refusal_rate=0.1)
    retire(scripted(project, owner, "fern-old"))
    prompts = list(project.prompts.order_by("pk").values_list("external_id", flat=True)[:8])
    wanted: dict[str, Any] = {"prompts": prompts, "seed": 7, "user": owner}
    written = request_generation(project, amber, per_prompt=4, **wanted)
    for model in (broken, patchy):
        request_generation(project, model, per_prompt=2, **wanted)
    carry_out_everything()
    _measure(project, owner, amber, written)
    cancel(request_generation(project, patchy, per_prompt=3, **wanted))
    carry_out(request_prompts(project, amber, calls=6, seed=7, user=owner))
    judge(project, owner, amber, slanted)
    study(project, owner, amber)
    for each in (patchy, broken):
        request_probe(each, user=owner)


def leave_some_waiting(project: Project, owner: User) -> None:
    """A job nobody has begun and a trial, for the pages of work under way."""
    model = project.checkpoints.earliest("pk")
    request_generation(project, model, per_prompt=2, seed=9, max_cost=2.5, user=owner)
    request_judging(project, model, seed=9, max_cost=2.5, user=owner)


def scripted(project: Project, owner: User, name: str, **options: object) -> Checkpoint:
    return register(
        project=project, name=name, engine="scripted", model=name, options=options, user=owner
    )


def _measure(project: Project, owner: User, model: Checkpoint, written: Any) -> None:
    carry_out(request_scoring(project, model, scorer="reward", seed=7, user=owner))
    combine_rewards(project, [Part("reward", weight=1.0)], method="weighted", user=owner)
    pick_best(project, "best_of_n", inputs={"reward": Input("reward")}, job=written, user=owner)


def judge(project: Project, owner: User, amber: Checkpoint, slanted: Checkpoint) -> None:
    for model in (amber, slanted):
        wanted: dict[str, Any] = {"options": LABELLED, "seed": 5, "user": owner}
        carry_out(request_judging(project, model, **wanted))
        carry_out(request_audit(project, model, pairs=24, **wanted))
    trial: dict[str, Any] = {"trial": True, "seed": 5, "user": owner}
    carry_out(request_judging(project, amber, **trial))
    writer = request_judging(project, amber, protocol="checklist_writer", seed=5, user=owner)
    carry_out(writer)


def mine(owner: User) -> None:
    """Criteria from thirty pairs whose worth is planted, so that there is something to find."""
    project = create_project(owner=owner, slug="mined", name="Mined criteria", is_simulated=True)
    people = [
        Annotator.objects.create(project=project, kind="simulated", external_id=f"person-{n}")
        for n in range(2)
    ]
    for number in range(30):
        prompt = add_prompt(project=project, messages=f"What about house {number}?")
        worth = (1, -1) if number % 2 else (-1, 1)
        two = [
            add_candidate(prompt=prompt, text=f"Ask in house {number}. ⟦u={u}⟧", external_id=str(u))
            for u in worth
        ]
        question = ask(project=project, candidates=two)
        for person in people:
            record(
                question=question,
                annotator=person,
                payload={"strength": 2 * worth[0]},
                submission_key=f"mined-{person.pk}-{number}",
                source="simulated",
            )
    model = scripted(project, owner, "amber-7b")
    mined = carry_out(request_study(project, model, study="criteria_mining", seed=3, user=owner))
    make_rubric(mined, user=owner)


def study(project: Project, owner: User, amber: Checkpoint) -> None:
    members = [
        scripted(project, owner, name, quality=quality, spread=0.1)
        for name, quality in (("acme/strong", 0.9), ("boreal/fair", 0.0), ("coral/poor", -0.9))
    ]
    first, *others = members
    carry_out(request_study(project, first, study="council", members=others, seed=3, user=owner))
    loop = {"prompts": 4, "rounds": 2}
    carry_out(
        request_study(project, amber, study="preference_loop", options=loop, seed=3, user=owner)
    )
