"""Which group of people does the judge resemble?"""

from annotation.phrases import say
from models_runtime.audits import Audit, Finding, Material, sign_of
from models_runtime.audits._groups import Agreed, resembling


class Resemblance(Audit):
    """For each group of people: the judge's agreement with its members less its agreement with
    everybody else who told that attribute; see `_groups`."""

    title = "Whom it resembles"
    question = "Does it agree with one group of people more than with the others?"
    reference = "Santurkar et al. 2023 (whose opinions); Bonferroni's correction"
    limit = 0.05
    needs = "people whose profiles tell a group, in at least two groups"

    def examine(self, material: Material, limit: float) -> Finding:
        rows = [
            (
                pair.prompt,
                [
                    Agreed(vote.groups, float(sign_of(vote.number) == sign_of(number)))
                    for vote in pair.votes
                ],
            )
            for pair in material.pairs
            if pair.votes and (number := material.number(pair)) is not None
        ]
        return resembling(rows, limit, lacking=say("of the pairs"))


AUDIT = Resemblance()
