"""People with accounts: invited, asked about themselves, judging, remarking, deciding."""

from dataclasses import dataclass
from datetime import timedelta

from annotation import consent, tokens
from annotation.assigning import make_check
from annotation.declaring import declare
from annotation.invitations import invite
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Judgment,
    Membership,
    Project,
    Question,
    QuestionState,
    Role,
    User,
)
from annotation.projects import set_paused
from annotation.questions import ask
from annotation.review.verdicts import adjudicate, ask_again, comment
from annotation.submission import record
from annotation.surveys.asking import set_survey
from annotation.webhooks.managing import add_webhook, ping

NAMES = ("Mira Okonkwo", "Jonas Weber", "Aylin", "Donaudampfschifffahrtsgesellschaftskapitän")
SURVEY = (
    {
        "name": "age_band",
        "text": "How old are you?",
        "kind": "choice",
        "options": ["18–29", "30–44", "45–59", "60 and over"],
    },
    {
        "name": "values_most",
        "text": "What do you value most when somebody gives you advice?",
        "kind": "choice",
        "options": ["a clear word", "a kind word", "a careful word"],
    },
    {
        "name": "languages",
        "text": "Which languages do you read well?",
        "kind": "multi",
        "options": ["English", "German", "Spanish", "Arabic"],
    },
    {"name": "years", "text": "For how many years have you lived here?", "kind": "number"},
    {"name": "anything", "text": "Anything else we should know?", "kind": "text"},
)
REASON = "It says what to do first, and the other one never comes to the point."


@dataclass(frozen=True)
class People:
    owner: User
    reviewer: User
    annotators: list[Annotator]


def bring_people(project: Project, owner: User) -> People:
    """A manager, a reviewer and four people who judge; one is paused and one has left."""
    reviewer = _member(project, "rosa", Role.REVIEWER)
    _member(project, "manuel", Role.MANAGER)
    ask_about_themselves(project, owner)
    people = [_annotator(project, name, at) for at, name in enumerate(NAMES)]
    _judge(project, people)
    set_paused(annotator=people[2], paused=True)
    _check_some(project)
    _review(project, owner, reviewer)
    invite(project=project, by=owner, name="Neighbourhood centre", most_uses=20)
    invite(project=project, by=owner, name="Pensioners’ club", group="60 and over", most_uses=5)
    hook = add_webhook(
        project=project,
        url="https://93.184.215.14/hooks/polyphony",
        events=["judgment.recorded", "run.finished"],
        created_by=owner,
    )
    ping(hook)
    tokens.issue(user=owner, name="Nightly import", scopes=["read", "import"], project=project)
    tokens.issue(user=owner, name="Notebook", scopes=["read"], lifetime=timedelta(days=2))
    consent.withdraw(people[3])
    return People(owner, reviewer, people)


def ask_about_themselves(project: Project, owner: User) -> None:
    set_survey(
        project=project,
        by=owner,
        items=SURVEY,
        introduction="Five questions about you. You may leave out any of them.",
    )


def _member(project: Project, name: str, role: Role) -> User:
    user, _ = User.objects.get_or_create(username=name, defaults={"first_name": name.title()})
    Membership.objects.get_or_create(project=project, user=user, defaults={"role": role})
    return user


def _annotator(project: Project, name: str, at: int) -> Annotator:
    user = _member(project, name.split()[0].lower(), Role.ANNOTATOR)
    annotator = Annotator.objects.create(
        project=project,
        user=user,
        kind=AnnotatorKind.PERSON,
        external_id=f"person-{user.username}",
        display_name=name,
    )
    said = {"age_band": SURVEY[0]["options"][at % 4], "values_most": SURVEY[1]["options"][at % 3]}
    declare(annotator=annotator, attributes=said)
    return annotator


def _judge(project: Project, people: list[Annotator]) -> None:
    """A few open questions; the first person always prefers what stands left."""
    waiting = Question.objects.filter(project=project, state=QuestionState.OPEN).order_by("pk")[:14]
    for number, question in enumerate(waiting):
        for at, person in enumerate(people):
            if (number + at) % 3 == 0:
                continue
            turned = bool((number + at) % 2)
            left = -1 if turned else 1
            strength = left * 2 if at == 0 else (-3, 1, 2, -1, 0)[(number * (at + 2)) % 5]
            record(
                question=question,
                annotator=person,
                payload={"strength": strength},
                submission_key=f"screens/{question.pk}/{person.pk}",
                source="browser",
                shown_order=[1, 0] if turned else [0, 1],
                reason=REASON if number % 3 == 0 else "",
                elapsed_ms=900 if at == 0 else 14_000 + 3_000 * number,
            )


def _check_some(project: Project) -> None:
    """Two of three new questions, pairs the other way round, get a known answer."""
    asked = Question.objects.filter(project=project).order_by("-pk")[:3]
    for number, each in enumerate(asked):
        turned = [placement.candidate for placement in each.placements.order_by("-position")]
        question = ask(project=project, candidates=turned, external_id=f"check-{number}")
        if number < 2:
            make_check(
                question=question,
                payload={"strength": 2},
                explanation="The first answer is right about the law, the other isn’t.",
                is_hidden=bool(number),
            )


def _review(project: Project, owner: User, reviewer: User) -> None:
    disputed = list(
        Question.objects.filter(project=project, judgments__annotator__kind="person")
        .distinct()
        .order_by("pk")[:3]
    )
    first, second, third = disputed
    comment(question=first, author=reviewer, text="@demo Is this a matter of taste, or is B wrong?")
    comment(question=first, author=owner, text="Taste. Both would help; see the guidelines, §2.")
    adjudicate(
        question=second,
        reviewer=reviewer,
        winner=Judgment.objects.filter(question=second).earliest("position"),
        categories=["misread"],
        explanation="B answers another question than the one that was asked.",
    )
    ask_again(question=third, by=reviewer, reason="Too close to call with three answers.")
