"""How far a project is and how its people answer, counted from the log."""

from typing import Any

from rest_framework import serializers


class AgreementSerializer(serializers.Serializer[Any]):
    """`value` of `n`, with the 95 % interval `low` to `high`."""

    value = serializers.FloatField()
    n = serializers.IntegerField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class FlagSerializer(serializers.Serializer[Any]):
    """Something worth a look: `count` of `n` answers fell under the rule. It accuses nobody."""

    slug = serializers.CharField()
    title = serializers.CharField()
    count = serializers.IntegerField()
    n = serializers.IntegerField()
    sentence = serializers.CharField()
    rule = serializers.CharField()


class MemberSerializer(serializers.Serializer[Any]):
    """One annotator's pace, agreement with others, score on known answers, and remarks."""

    annotator = serializers.UUIDField(source="pace.annotator.public_id")
    name = serializers.CharField(source="pace.annotator")
    kind = serializers.CharField(source="pace.annotator.kind")
    judgments = serializers.IntegerField(source="pace.judgments")
    median_ms = serializers.FloatField(source="pace.median_ms", allow_null=True)
    timed = serializers.IntegerField(source="pace.timed")
    last_at = serializers.DateTimeField(source="pace.last_at", allow_null=True)
    agreement = AgreementSerializer(allow_null=True)
    gold = AgreementSerializer(allow_null=True)
    remarks = FlagSerializer(source="flags", many=True)
    is_paused = serializers.SerializerMethodField()
    has_withdrawn = serializers.BooleanField(source="withdrawn")

    def get_is_paused(self, member: Any) -> bool:
        return member.pace.annotator.paused_at is not None


class PairAgreementSerializer(serializers.Serializer[Any]):
    """How often two annotators agree on what both answered."""

    one = serializers.UUIDField()
    other = serializers.UUIDField()
    agreement = AgreementSerializer()


class TeamSerializer(serializers.Serializer[Any]):
    """The project's people. `read` newest judgments were looked at for agreement and remarks."""

    read = serializers.IntegerField()
    is_partial = serializers.BooleanField()
    agreement = AgreementSerializer(allow_null=True)
    members = MemberSerializer(many=True)
    pairs = PairAgreementSerializer(many=True)


class OwnProgressSerializer(serializers.Serializer[Any]):
    """Your own answers: how many, how many questions there may be for you, and how fast."""

    answered = serializers.IntegerField()
    total = serializers.IntegerField()
    lately = serializers.IntegerField(help_text="Answers of the last seven days.")
    median_ms = serializers.FloatField(allow_null=True)
    timed = serializers.IntegerField()


class ForecastSerializer(serializers.Serializer[Any]):
    """When what is left will be done, with an 80 % interval."""

    remaining = serializers.IntegerField()
    rate = serializers.FloatField()
    slow = serializers.FloatField()
    fast = serializers.FloatField()
    days = serializers.IntegerField()
    expected = serializers.DateField()
    earliest = serializers.DateField()
    latest = serializers.DateField(allow_null=True)


class ProjectProgressSerializer(serializers.Serializer[Any]):
    """Counts of a project's questions and judgments."""

    prompts = serializers.IntegerField()
    candidates = serializers.IntegerField()
    questions = serializers.IntegerField()
    answered = serializers.IntegerField()
    begun = serializers.IntegerField()
    untouched = serializers.IntegerField()
    judgments = serializers.IntegerField()
    judgments_asked = serializers.IntegerField()
    parked = serializers.IntegerField()


class QuotaSerializer(serializers.Serializer[Any]):
    """A group's quota over the whole project and what it gave; `*` is everybody else."""

    group = serializers.CharField()
    judgments = serializers.IntegerField()
    wanted = serializers.IntegerField()
    beyond = serializers.IntegerField(
        help_text="How many more than wanted: answers that came late and were kept."
    )
    is_full = serializers.BooleanField()


class CollectionProgressSerializer(serializers.Serializer[Any]):
    """`project`, `forecast` and `no_forecast` (why there is none) are for reviewers, else null."""

    own = OwnProgressSerializer()
    project = ProjectProgressSerializer(allow_null=True)
    forecast = ForecastSerializer(allow_null=True)
    no_forecast = serializers.CharField(allow_blank=True)
    quotas = QuotaSerializer(many=True)
