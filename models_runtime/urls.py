from django.urls import path

from models_runtime import (
    audit_pages,
    combining_pages,
    iteration_pages,
    judge_pages,
    operations_pages,
    picking_pages,
    prompt_pages,
    scoring_pages,
    study_pages,
    views,
)

app_name = "models_runtime"

PROJECT = "projects/<slug:slug>"
JOB = f"{PROJECT}/jobs/<uuid:public_id>"
JUDGES = f"{PROJECT}/judges"
CARDS = f"{JUDGES}/cards"
STUDIES = f"{JUDGES}/studies"
TRIAL = f"{JUDGES}/trials/<uuid:public_id>"

urlpatterns = [
    path("operations/", operations_pages.operations, name="operations"),
    path(f"{PROJECT}/jobs/", views.jobs, name="jobs"),
    path(f"{PROJECT}/jobs/panel/", views.project_panel, name="project_panel"),
    path(f"{PROJECT}/jobs/new/candidates/", views.new_generation, name="new-generation"),
    path(f"{PROJECT}/jobs/new/judgments/", judge_pages.new_judging, name="new-judging"),
    path(f"{PROJECT}/jobs/new/measurements/", scoring_pages.new_scoring, name="new-scoring"),
    path(f"{PROJECT}/jobs/new/prompts/", prompt_pages.new_prompts, name="new-prompts"),
    path(f"{PROJECT}/rewards/", combining_pages.combine, name="combine-rewards"),
    path(f"{PROJECT}/rewards/<int:pk>/", combining_pages.combination, name="combination"),
    path(f"{PROJECT}/iterations/", iteration_pages.iterations, name="iterations"),
    path(f"{PROJECT}/iterations/vote/", iteration_pages.vote, name="vote"),
    path(f"{JOB}/", views.job, name="job"),
    path(f"{JOB}/pick/", picking_pages.pick, name="pick"),
    path(f"{JOB}/cancel/", views.cancel_job, name="cancel-job"),
    path(f"{JOB}/reopen/", views.reopen_job, name="reopen-job"),
    path(f"{JUDGES}/", judge_pages.judges, name="judges"),
    path(f"{JUDGES}/new/", judge_pages.choose_protocol, name="choose-protocol"),
    path(f"{TRIAL}/", judge_pages.trial, name="judge-trial"),
    path(f"{TRIAL}/launch/", judge_pages.launch, name="launch-judge"),
    path(f"{JUDGES}/<uuid:public_id>/rewards/", judge_pages.judge_rewards, name="judge-rewards"),
    path(
        f"{JUDGES}/<uuid:public_id>/exports/<slug:export>.jsonl",
        judge_pages.judge_export,
        name="judge-export",
    ),
    path(f"{JUDGES}/verdicts/<uuid:public_id>/", judge_pages.verdicts, name="judge-verdicts"),
    path(f"{CARDS}/", audit_pages.cards, name="judge-cards"),
    path(f"{CARDS}/new/", audit_pages.new_audit, name="new-audit"),
    path(f"{CARDS}/rule/", audit_pages.set_rule, name="audit-rule"),
    path(f"{CARDS}/<uuid:public_id>/", audit_pages.card, name="judge-card"),
    path(f"{CARDS}/<uuid:public_id>/card.json", audit_pages.card_file, name="judge-card-file"),
    path(f"{CARDS}/<uuid:public_id>/cancel/", audit_pages.cancel_audit, name="cancel-audit"),
    path(f"{CARDS}/<uuid:public_id>/let-through/", audit_pages.let_through, name="let-through"),
    path(f"{STUDIES}/", study_pages.studies, name="studies"),
    path(f"{STUDIES}/new/", study_pages.new_study, name="new-study"),
    path(f"{STUDIES}/<uuid:public_id>/", study_pages.study, name="study"),
    path(f"{STUDIES}/<uuid:public_id>/result.json", study_pages.study_file, name="study-file"),
    path(f"{STUDIES}/<uuid:public_id>/cancel/", study_pages.cancel_study, name="cancel-study"),
    path(f"{STUDIES}/<uuid:public_id>/rubric/", study_pages.study_rubric, name="study-rubric"),
    path(f"{STUDIES}/<uuid:public_id>/take-in/", study_pages.take_study, name="take-study"),
    path(f"{PROJECT}/checklists/", judge_pages.judge_checklists, name="checklists"),
    path(f"{PROJECT}/checklists/<int:pk>/", judge_pages.judge_checklist, name="checklist"),
    path(f"{PROJECT}/checkpoints/new/", views.new_checkpoint, name="new-checkpoint"),
    path(
        f"{PROJECT}/checkpoints/<uuid:public_id>/probe/",
        views.probe_checkpoint,
        name="probe-checkpoint",
    ),
    path(
        f"{PROJECT}/checkpoints/<uuid:public_id>/retire/",
        views.retire_checkpoint,
        name="retire-checkpoint",
    ),
]
