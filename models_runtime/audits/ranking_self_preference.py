"""Does the judge rank higher what models of its own family wrote?"""

from models_runtime.audits import RANKINGS
from models_runtime.audits._known import OwnFamily


class RankingSelfPreference(OwnFamily):
    title = "Its own family's ranks"
    question = "Does it rank its own family's responses higher than people do?"
    reference = "The DBG score (self-preference as judge score less gold score)"
    limit = 0.05
    of = RANKINGS


AUDIT = RankingSelfPreference()
