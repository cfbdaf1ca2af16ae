"""How many judgments each annotator gave under each of their profiles."""

from django.db import models

from annotation.models.people import Annotator, Profile


class Tally(models.Model):
    """`judgments` counted first answers of a person under a profile, or under none.

    The one number that is stored although it could be counted: a quota needs it at every lease, and
    counting 50,000 judgments takes longer than everything else about a lease. A trigger adds to it
    in the transaction that keeps the judgment, so it can't be behind (an import adds to it itself,
    as its last step); judgments never go, so it never has to be lowered. Models have none. See
    `docs/decisions/0015-quotas-are-tallied.md`.
    """

    annotator = models.ForeignKey(
        Annotator, on_delete=models.CASCADE, related_name="tallies", db_index=False
    )
    profile = models.ForeignKey(
        Profile, on_delete=models.CASCADE, null=True, related_name="+", db_index=False
    )
    judgments = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotator", "profile"],
                nulls_distinct=False,
                name="one_tally_per_annotator_and_profile",
            )
        ]

    def __str__(self) -> str:
        return f"{self.judgments} by {self.annotator}"
