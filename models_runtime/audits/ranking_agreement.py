"""Does the judge rank as people do, as often as people do among themselves?"""

from models_runtime.audits import RANKINGS
from models_runtime.audits._cells import LikePeople


class RankingAgreement(LikePeople):
    title = "Rankings like people's"
    question = "Does it order responses as a person does as often as people do?"
    reference = "The human ceiling as in Zheng et al. 2023"
    limit = 0.8
    of = RANKINGS


AUDIT = RankingAgreement()
