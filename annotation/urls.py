from django.urls import path

from annotation.views import (
    accounts,
    images,
    imports,
    joining,
    judging,
    own,
    projects,
    review,
    surveys,
    tokens,
    webhooks,
)

app_name = "annotation"

urlpatterns = [
    path("", projects.home, name="home"),
    path("login/", accounts.log_in, name="login"),
    path("login/once/<str:token>/", accounts.log_in_once, name="login-once"),
    path("logout/", accounts.log_out, name="logout"),
    path("join/<str:token>/", joining.join, name="join"),
    path("account/tokens/", tokens.my_tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", tokens.revoke_token, name="revoke-token"),
    path("projects/new/", projects.new_project, name="new-project"),
    path("projects/<slug:slug>/", projects.project, name="project"),
    path("projects/<slug:slug>/state/", projects.set_state, name="set-state"),
    path("projects/<slug:slug>/questions/ask/", projects.ask_questions, name="ask-questions"),
    path("projects/<slug:slug>/people/", projects.set_member, name="set-member"),
    path(
        "projects/<slug:slug>/people/<uuid:public_id>/pause/",
        projects.pause_annotator,
        name="pause-annotator",
    ),
    path("projects/<slug:slug>/guideline/", projects.guideline, name="guideline"),
    path("projects/<slug:slug>/guideline/edit/", projects.edit_guideline, name="edit-guideline"),
    path("projects/<slug:slug>/invitations/", joining.invite, name="invitations"),
    path(
        "projects/<slug:slug>/invitations/<uuid:public_id>/withdraw/",
        joining.withdraw_invitation,
        name="withdraw-invitation",
    ),
    path("projects/<slug:slug>/survey/", surveys.survey, name="survey"),
    path("projects/<slug:slug>/mine/", own.mine, name="own"),
    path("projects/<slug:slug>/mine/survey/", own.my_survey, name="my-survey"),
    path("projects/<slug:slug>/mine/withdraw/", own.withdraw, name="withdraw"),
    path("projects/<slug:slug>/judgments/", review.judgments, name="judgments"),
    path("projects/<slug:slug>/disputes/", review.in_dispute, name="disputes"),
    path("projects/<slug:slug>/questions/<uuid:public_id>/", review.question, name="question"),
    path(
        "projects/<slug:slug>/questions/<uuid:public_id>/verdict/",
        review.adjudicate,
        name="adjudicate",
    ),
    path("projects/<slug:slug>/questions/<uuid:public_id>/remark/", review.remark, name="remark"),
    path(
        "projects/<slug:slug>/questions/<uuid:public_id>/again/", review.ask_again, name="ask-again"
    ),
    path("projects/<slug:slug>/import/", imports.send_file, name="import"),
    path("projects/<slug:slug>/import/<uuid:token>/", imports.look_and_import, name="import-file"),
    path("projects/<slug:slug>/import/<uuid:token>/flaws.csv", imports.flaws, name="import-flaws"),
    path("projects/<slug:slug>/judge/", judging.judge, name="judge"),
    path("projects/<slug:slug>/judge/previous/", judging.previous, name="previous"),
    path("projects/<slug:slug>/images/<str:ticket>/", images.image, name="image"),
    path("projects/<slug:slug>/judge/hindsight/", judging.look_back_at, name="hindsight"),
    path("projects/<slug:slug>/judge/skip/", judging.skip, name="skip"),
    path("projects/<slug:slug>/judge/renew/", judging.renew, name="renew"),
    path("projects/<slug:slug>/webhooks/", webhooks.webhooks, name="webhooks"),
    path("projects/<slug:slug>/webhooks/<uuid:public_id>/", webhooks.webhook, name="webhook"),
    path(
        "projects/<slug:slug>/webhooks/<uuid:public_id>/change/",
        webhooks.change_webhook,
        name="change-webhook",
    ),
    path(
        "projects/<slug:slug>/webhooks/letters/<uuid:public_id>/again/",
        webhooks.send_again,
        name="send-again",
    ),
]
