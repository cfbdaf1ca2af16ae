"""How checkpoints and jobs look through the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from models_runtime import decoding
from models_runtime.catalogue import ENGINES, PROTOCOLS, SCORERS
from models_runtime.differing import repeats_of
from models_runtime.embedders import embedded_by
from models_runtime.enqueue import DEFAULT_PROTOCOL
from models_runtime.languages import LANGUAGES, MOST_LANGUAGES
from models_runtime.models import Checkpoint, GenerationJob, Job, JudgingJob, ScoringJob
from models_runtime.presenting import measured_by, progress_of, troubles_of


class EngineSerializer(serializers.Serializer[Any]):
    """An engine of this installation. `unavailable` says why it can't be used, null if it can."""

    slug = serializers.CharField()
    title = serializers.CharField()
    is_scripted = serializers.BooleanField(help_text="Invents its answers by rule.")
    needs_url = serializers.BooleanField()
    unavailable = serializers.CharField(allow_null=True)


class ProbeSerializer(serializers.Serializer[Any]):
    """What a model was seen to do. `findings.checks` name each question and whether it held."""

    state = serializers.CharField()
    error = serializers.CharField()
    findings = serializers.DictField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class CheckpointSerializer(serializers.ModelSerializer[Checkpoint]):
    """A model this project may use. The key of a model server is never here."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    options = serializers.DictField(read_only=True)
    is_scripted = serializers.BooleanField(read_only=True)
    probe = ProbeSerializer(read_only=True, allow_null=True)
    withheld = serializers.DictField(
        child=serializers.CharField(),
        read_only=True,
        help_text="Abilities its probe saw it lack, with the reason. Jobs that need one are "
        "refused.",
    )

    class Meta:
        model = Checkpoint
        fields = (
            "id",
            "name",
            "engine",
            "model",
            "base_url",
            "revision",
            "licence",
            "options",
            "secret_variable",
            "is_scripted",
            "probe",
            "withheld",
            "created_at",
            "retired_at",
        )
        read_only_fields = fields


class NewCheckpointSerializer(serializers.Serializer[Any]):
    """A model to be registered, as on the page for it."""

    name = serializers.CharField(max_length=150)
    engine = serializers.ChoiceField(choices=sorted(ENGINES))
    model = serializers.CharField(max_length=300)
    base_url = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    revision = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    licence = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    secret_variable = serializers.CharField(
        max_length=100, required=False, allow_blank=True, default=""
    )
    options = serializers.DictField(required=False, default=dict)


class CauseSerializer(serializers.Serializer[Any]):
    words = serializers.CharField()
    example = serializers.CharField()
    rows = serializers.IntegerField()


class ProgressSerializer(serializers.Serializer[Any]):
    """Counted from the job's rows just now."""

    total = serializers.IntegerField()
    done = serializers.IntegerField()
    set_aside = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    in_work = serializers.IntegerField()
    waiting = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True, help_text="Rows a second.")
    seconds_left = serializers.SerializerMethodField()

    def get_seconds_left(self, progress: Any) -> float | None:
        return None if progress.time_left is None else float(progress.time_left.total_seconds())


class SpentSerializer(serializers.Serializer[Any]):
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    cost = serializers.FloatField(help_text="In the currency of the checkpoint's prices.")


JOB_FIELDS = (
    "id",
    "checkpoint",
    "state",
    "error",
    "notice",
    "seed",
    "max_cost",
    "progress",
    "spent",
    "causes",
    "created_at",
    "started_at",
    "finished_at",
    "cancel_requested_at",
)


class JobSerializer(serializers.ModelSerializer[Any]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    checkpoint = serializers.UUIDField(source="checkpoint.public_id", read_only=True)
    progress = serializers.SerializerMethodField()
    spent = serializers.SerializerMethodField()
    causes = serializers.SerializerMethodField()

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, job: Job) -> dict[str, Any]:
        return dict(ProgressSerializer(progress_of(job)).data)

    @extend_schema_field(SpentSerializer)
    def get_spent(self, job: Job) -> dict[str, Any]:
        return dict(SpentSerializer(job.spent()).data)

    @extend_schema_field(CauseSerializer(many=True))
    def get_causes(self, job: Job) -> list[dict[str, Any]]:
        return [dict(CauseSerializer(trouble).data) for trouble in troubles_of(job)]


class RepeatsSerializer(serializers.Serializer[Any]):
    """Candidates that were asked for again because they were too like others, how often in all, and
    how many were kept though they still were."""

    candidates = serializers.IntegerField()
    times = serializers.IntegerField()
    repeats = serializers.IntegerField()


class EmbeddedSerializer(serializers.Serializer[Any]):
    """Texts that the job had embedded. What that took is in `spent`, too."""

    texts = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Of these, texts whose vectors were at hand.")
    tokens_in = serializers.IntegerField()
    cost = serializers.FloatField()


class EmbeddingJobSerializer(JobSerializer):
    """A job that may embed texts."""

    embedded = serializers.SerializerMethodField()

    @extend_schema_field(EmbeddedSerializer(allow_null=True))
    def get_embedded(self, job: Job) -> dict[str, Any] | None:
        found = embedded_by(job)
        return dict(EmbeddedSerializer(found).data) if found else None


class GenerationJobSerializer(EmbeddingJobSerializer):
    """A model writes candidates for prompts."""

    sampling = serializers.DictField(read_only=True)
    novelty = serializers.DictField(read_only=True)
    languages = serializers.ListField(child=serializers.CharField(), read_only=True)
    repeats = serializers.SerializerMethodField()
    cut_off = serializers.IntegerField(
        read_only=True, help_text="Texts that reached the limit of tokens without an end."
    )

    class Meta:
        model = GenerationJob
        fields = (
            *JOB_FIELDS,
            "per_prompt",
            "sampling",
            "novelty",
            "languages",
            "repeats",
            "cut_off",
            "embedded",
        )
        read_only_fields = fields

    @extend_schema_field(RepeatsSerializer)
    def get_repeats(self, job: GenerationJob) -> dict[str, Any]:
        return dict(RepeatsSerializer(repeats_of(job)).data)


class JudgingJobSerializer(JobSerializer):
    """A model judges questions, as an annotator of kind model, or makes something for prompts."""

    annotator = serializers.UUIDField(
        source="annotator.public_id", read_only=True, allow_null=True, default=None
    )
    options = serializers.DictField(read_only=True)
    seats = serializers.SerializerMethodField()

    class Meta:
        model = JudgingJob
        fields = (*JOB_FIELDS, "annotator", "protocol", "options", "seats", "reveals")
        read_only_fields = fields

    def get_seats(self, job: JudgingJob) -> dict[str, str]:
        """The checkpoint in each further seat of the protocol."""
        rows = job.seats.select_related("checkpoint")
        return {seat.name: str(seat.checkpoint.public_id) for seat in rows}


class MeasuredSummarySerializer(serializers.Serializer[Any]):
    """What a job measured under one name; vectors have no mean."""

    name = serializers.CharField()
    count = serializers.IntegerField()
    mean = serializers.FloatField(allow_null=True)
    deviation = serializers.FloatField(allow_null=True)
    least = serializers.FloatField(allow_null=True)
    most = serializers.FloatField(allow_null=True)


class ScoringJobSerializer(EmbeddingJobSerializer):
    """A model measures candidates."""

    partner = serializers.UUIDField(source="partner.public_id", read_only=True, allow_null=True)
    settings = serializers.DictField(read_only=True)
    measurement_source = serializers.CharField(
        source="source", read_only=True, help_text="Named by every measurement."
    )
    measured = serializers.SerializerMethodField()

    class Meta:
        model = ScoringJob
        fields = (
            *JOB_FIELDS,
            "scorer",
            "settings",
            "partner",
            "measurement_source",
            "measured",
            "embedded",
        )
        read_only_fields = fields

    @extend_schema_field(MeasuredSummarySerializer(many=True))
    def get_measured(self, job: ScoringJob) -> list[dict[str, Any]]:
        return [dict(MeasuredSummarySerializer(each).data) for each in measured_by(job)]


class NewJobSerializer(serializers.Serializer[Any]):
    checkpoint = serializers.UUIDField(help_text="The id of a checkpoint that isn't retired.")
    seed = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=2**62
    )
    max_cost = serializers.FloatField(required=False, allow_null=True, default=None)


class NewGenerationJobSerializer(NewJobSerializer):
    per_prompt = serializers.IntegerField(required=False, default=4, min_value=1, max_value=1000)
    max_tokens = serializers.IntegerField(
        required=False, default=512, min_value=1, max_value=100_000
    )
    temperature = serializers.FloatField(required=False, default=1.0, min_value=0, max_value=5)
    top_p = serializers.FloatField(
        required=False, allow_null=True, default=None, min_value=0, max_value=1
    )
    top_k = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=100_000
    )
    min_p = serializers.FloatField(
        required=False, allow_null=True, default=None, min_value=0, max_value=1
    )
    stop = serializers.ListField(
        child=serializers.RegexField(r"^[^\r\n]*\S[^\r\n]*$", trim_whitespace=False),
        required=False, default=list, max_length=4,
        help_text="Texts that end the answer, without line breaks.",
    )  # fmt: skip
    decoder = serializers.ChoiceField(
        required=False, allow_blank=True, default="", choices=sorted(decoding.KINDS)
    )
    decoder_settings = serializers.DictField(
        required=False,
        default=dict,
        help_text="Of the decoder: fewest, most, low, high, longest; or first, growth, trigger.",
    )

    differing = serializers.ChoiceField(
        required=False,
        allow_blank=True,
        default="",
        choices=["again", "navigate"],
        help_text="What happens to candidates that are too alike; empty: they are kept.",
    )
    differing_settings = serializers.DictField(
        required=False,
        default=dict,
        help_text="tries, most_cosine, least_edits, least_variety; and axis to navigate by.",
    )
    embedder = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The checkpoint whose vectors say how alike candidates are; null: their words.",
    )
    languages = serializers.ListField(
        child=serializers.ChoiceField(choices=list(LANGUAGES.items())),
        required=False,
        default=list,
        max_length=MOST_LANGUAGES,
        help_text="In which the candidates of a prompt take turns; empty: the model chooses.",
    )


class PaceSerializer(serializers.Serializer[Any]):
    """How fast the model is taken to be, by so many of its newest jobs; assumed where 0."""

    per_second = serializers.FloatField()
    jobs = serializers.IntegerField()


class GenerationEstimateSerializer(serializers.Serializer[Any]):
    """What a generation job would take. `cost` is null for a model without prices; `pace` is in
    tokens written."""

    candidates = serializers.IntegerField()
    fewest_calls = serializers.IntegerField()
    most_calls = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    most_tokens_out = serializers.IntegerField()
    cost = serializers.FloatField(allow_null=True)
    most_cost = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField()
    pace = PaceSerializer()


class ScoringEstimateSerializer(serializers.Serializer[Any]):
    """What measuring would take. `tokens_in` is read and `tokens_out` written by each of the
    `models`; `cost` is null for models without prices; `pace` is in tokens read and written."""

    candidates = serializers.IntegerField()
    models = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    cost = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField()
    pace = PaceSerializer()


class CallsEstimateSerializer(serializers.Serializer[Any]):
    """What calls of a model would take. `seen` of its newest calls say how many tokens one has, 0
    where that is assumed; `cost` is null for a model without prices; `pace` is in calls."""

    calls = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    seen = serializers.IntegerField()
    cost = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField()
    pace = PaceSerializer()


class NewJudgingJobSerializer(NewJobSerializer):
    protocol = serializers.ChoiceField(
        required=False, default=DEFAULT_PROTOCOL, choices=sorted(PROTOCOLS)
    )
    options = serializers.DictField(
        required=False, default=dict, help_text="The protocol's own options, by name."
    )
    seats = serializers.DictField(
        child=serializers.UUIDField(),
        required=False,
        default=dict,
        help_text="Checkpoints for the protocol's further seats, by the seat's name.",
    )
    reveals = serializers.BooleanField(
        required=False,
        default=False,
        help_text="People may read its verdict on a question once they have answered it.",
    )


class NewScoringJobSerializer(NewJobSerializer):
    scorer = serializers.ChoiceField(choices=sorted(SCORERS))
    partner = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="The weaker model of a ratio."
    )
    settings = serializers.DictField(required=False, default=dict)
    again = serializers.BooleanField(required=False, default=False)
