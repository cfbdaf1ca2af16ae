"""Does a ranking change when only the typing does?"""

from models_runtime.audits import RANKINGS
from models_runtime.audits._cells import Retyped


class RankingOverSensitivity(Retyped):
    title = "Other typing of what is ranked"
    question = "Does a ranking change though the meaning is the same?"
    reference = "Over-sensitivity (adversarial evaluation of graders)"
    limit = 0.1
    of = RANKINGS


AUDIT = RankingOverSensitivity()
