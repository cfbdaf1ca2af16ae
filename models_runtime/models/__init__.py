from models_runtime.models.checkpoint import Checkpoint
from models_runtime.models.generation import Generation, GenerationItem, GenerationJob
from models_runtime.models.items import Item, ItemQuerySet, ItemState
from models_runtime.models.jobs import Job
from models_runtime.models.judging import JudgeCall, JudgingItem, JudgingJob, JudgingSeat

__all__ = [
    "Checkpoint",
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
]
