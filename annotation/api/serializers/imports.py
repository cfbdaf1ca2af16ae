from typing import Any

from rest_framework import serializers

from annotation.intake.catalogue import KINDS

MOST_ROWS = 10_000


class RowsSerializer(serializers.Serializer[Any]):
    """Rows in the body, their names those of the kind's own fields."""

    kind = serializers.ChoiceField(choices=sorted(KINDS), help_text="What a row is.")
    rows = serializers.ListField(
        child=serializers.DictField(),
        min_length=1,
        max_length=MOST_ROWS,
        help_text="For more than this, upload a file.",
    )
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="Check everything and write nothing."
    )


class FileSerializer(serializers.Serializer[Any]):
    """A small JSONL, CSV, TSV or Parquet file, gzipped or not."""

    file = serializers.FileField()
    kind = serializers.ChoiceField(choices=sorted(KINDS), help_text="What a row is.")
    mapping = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=20_000,
        help_text='Fields to columns as JSON: {"prompt_text": "question"}. The rest is guessed.',
    )
    ignore = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=20_000,
        help_text="Columns to leave out, separated by commas; * for all that aren't mapped.",
    )
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="Check everything and write nothing."
    )


class ReportSerializer(serializers.Serializer[Any]):
    """What an import did, or with `dry_run` would do."""

    kind = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    rows = serializers.IntegerField()
    created = serializers.DictField(child=serializers.IntegerField())
    unchanged = serializers.DictField(child=serializers.IntegerField())
    notes = serializers.ListField(child=serializers.CharField())
    dry_run = serializers.BooleanField()
    summary = serializers.CharField(source="*", help_text="The same in a sentence.")
