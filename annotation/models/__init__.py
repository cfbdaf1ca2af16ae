from annotation.models.decision import Decision, DecisionKind
from annotation.models.failed_attempts import FailedAttempts
from annotation.models.joining import Invitation, Joining, Survey, SurveyReply, Withdrawal
from annotation.models.judgment import Judgment, Standing
from annotation.models.people import (
    Annotator,
    AnnotatorKind,
    ApiToken,
    LoginLink,
    Membership,
    Profile,
    Role,
    Skill,
    User,
)
from annotation.models.project import Guideline, Project, ProjectState
from annotation.models.prompt import Candidate, Measurement, Prompt, System
from annotation.models.question import (
    Assignment,
    AssignmentPurpose,
    AssignmentState,
    Exposure,
    GoldAnswer,
    Placement,
    Question,
    QuestionPurpose,
    QuestionState,
    Reservation,
)
from annotation.models.review import Adjudication, Comment, ErrorCategory, Requeue
from annotation.models.rubric import Criterion, CriterionKind, Rubric
from annotation.models.tally import Tally
from annotation.models.webhook import Delivery, Webhook
from annotation.models.work import LeaseLost, Work, WorkQuerySet, WorkState

__all__ = [
    "Adjudication",
    "Annotator",
    "AnnotatorKind",
    "ApiToken",
    "Assignment",
    "AssignmentPurpose",
    "AssignmentState",
    "Candidate",
    "Comment",
    "Criterion",
    "CriterionKind",
    "Decision",
    "DecisionKind",
    "Delivery",
    "ErrorCategory",
    "Exposure",
    "FailedAttempts",
    "GoldAnswer",
    "Guideline",
    "Invitation",
    "Joining",
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
    "QuestionPurpose",
    "QuestionState",
    "Requeue",
    "Reservation",
    "Role",
    "Rubric",
    "Skill",
    "Standing",
    "Survey",
    "SurveyReply",
    "System",
    "Tally",
    "User",
    "Webhook",
    "Withdrawal",
    "Work",
    "WorkQuerySet",
    "WorkState",
]
