"""Does the judge score as people do, as often as people do among themselves?"""

from models_runtime.audits import SCORES
from models_runtime.audits._cells import LikePeople


class ScoreAgreement(LikePeople):
    title = "Scores like people's"
    question = "Does it give the same score as a person as often as people do?"
    reference = "The human ceiling as in Zheng et al. 2023"
    limit = 0.8
    of = SCORES


AUDIT = ScoreAgreement()
