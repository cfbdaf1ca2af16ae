from annotation.models.failed_attempts import FailedAttempts
from annotation.models.judgment import Judgment, Standing
from annotation.models.people import (
    Annotator,
    AnnotatorKind,
    ApiToken,
    LoginLink,
    Membership,
    Profile,
    Role,
    User,
)
from annotation.models.project import Guideline, Project, ProjectState
from annotation.models.prompt import Candidate, Measurement, Prompt, System
from annotation.models.question import (
    Assignment,
    AssignmentState,
    Exposure,
    Placement,
    Question,
    QuestionState,
)
from annotation.models.rubric import Criterion, CriterionKind, Rubric
from annotation.models.webhook import Delivery, Webhook
from annotation.models.work import LeaseLost, Work, WorkQuerySet, WorkState

__all__ = [
    "Annotator",
    "AnnotatorKind",
    "ApiToken",
    "Assignment",
    "AssignmentState",
    "Candidate",
    "Criterion",
    "CriterionKind",
    "Delivery",
    "Exposure",
    "FailedAttempts",
    "Guideline",
    "Judgment",
    "LeaseLost",
    "LoginLink",
    "Measurement",
    "Membership",
    "Placement",
    "Profile",
    "Project",
    "ProjectState",
    "Prompt",
    "Question",
    "QuestionState",
    "Role",
    "Rubric",
    "Standing",
    "System",
    "User",
    "Webhook",
    "Work",
    "WorkQuerySet",
    "WorkState",
]
