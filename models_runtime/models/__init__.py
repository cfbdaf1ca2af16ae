from models_runtime.models.auditing import (
    AuditCall,
    AuditFinding,
    AuditItem,
    AuditJob,
    AuditRule,
    AuditWaiver,
)
from models_runtime.models.checkpoint import Checkpoint
from models_runtime.models.embedding import EmbeddingCall
from models_runtime.models.generation import Generation, GenerationItem, GenerationJob
from models_runtime.models.items import Item, ItemQuerySet, ItemState, PaidItem
from models_runtime.models.jobs import Job
from models_runtime.models.judging import JudgeCall, JudgingItem, JudgingJob, JudgingSeat
from models_runtime.models.probe import Probe
from models_runtime.models.prompt_making import PromptIdea, PromptItem, PromptJob
from models_runtime.models.scoring import Combination, Scoring, ScoringItem, ScoringJob
from models_runtime.models.study import StudyCall, StudyItem, StudyJob, StudySeat
from models_runtime.models.workers import DeviceTime, WorkerSeen

__all__ = [
    "AuditCall",
    "AuditFinding",
    "AuditItem",
    "AuditJob",
    "AuditRule",
    "AuditWaiver",
    "Checkpoint",
    "Combination",
    "DeviceTime",
    "EmbeddingCall",
    "Generation",
    "GenerationItem",
    "GenerationJob",
    "Item",
    "ItemQuerySet",
    "ItemState",
    "Job",
    "JudgeCall",
    "JudgingItem",
    "JudgingJob",
    "JudgingSeat",
    "PaidItem",
    "Probe",
    "PromptIdea",
    "PromptItem",
    "PromptJob",
    "Scoring",
    "ScoringItem",
    "ScoringJob",
    "StudyCall",
    "StudyItem",
    "StudyJob",
    "StudySeat",
    "WorkerSeen",
]
