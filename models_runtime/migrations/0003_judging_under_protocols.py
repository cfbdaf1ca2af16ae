"""Judging jobs name a protocol with its options; every call names its step, seat and template."""

import django.db.models.deletion
from django.db import migrations, models

CARRY_OVER = """
UPDATE models_runtime_judgingjob SET options = jsonb_build_object(
    'template', template, 'reducer', reducer, 'both_orders', both_orders);
ALTER TABLE models_runtime_judgecall DISABLE TRIGGER models_runtime_judgecall_append_only;
UPDATE models_runtime_judgecall c SET step = c."order", template = j.template,
    finish = CASE WHEN c.label_probabilities IS NOT NULL OR c.status = 'engine_error' THEN ''
        WHEN c.status = 'truncated' THEN 'length' ELSE 'stop' END
    FROM models_runtime_judgingitem i JOIN models_runtime_judgingjob j ON j.id = i.job_id
    WHERE i.id = c.item_id;
ALTER TABLE models_runtime_judgecall ENABLE TRIGGER models_runtime_judgecall_append_only;
"""
CARRY_BACK = """
UPDATE models_runtime_judgingjob SET template = COALESCE(options->>'template', 'reasoned@1'),
    reducer = COALESCE(options->>'reducer', 'both_orders'),
    both_orders = COALESCE((options->>'both_orders')::boolean, true);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0002_guards"),
        ("models_runtime", "0002_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="JudgingSeat",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="judgecall",
            name="judgecall_words_are_known",
        ),
        migrations.RemoveConstraint(
            model_name="judgingitem",
            name="judgingitem_outcome_is_known",
        ),
        migrations.AddField(
            model_name="judgecall",
            name="bounded",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.AddField(
            model_name="judgecall",
            name="finish",
            field=models.CharField(blank=True, max_length=10),
        ),
        migrations.AddField(
            model_name="judgecall",
            name="parsed",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="judgecall",
            name="seat",
            field=models.CharField(db_default="judge", default="judge", max_length=40),
        ),
        migrations.AddField(
            model_name="judgecall",
            name="step",
            field=models.CharField(db_default="", max_length=120),
        ),
        migrations.AddField(
            model_name="judgecall",
            name="template",
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name="judgingitem",
            name="detail",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="judgingitem",
            name="prompt",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="annotation.prompt",
            ),
        ),
        migrations.AddField(
            model_name="judgingitem",
            name="rubric",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="annotation.rubric",
            ),
        ),
        migrations.AddField(
            model_name="judgingjob",
            name="options",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="judgingjob",
            name="protocol",
            field=models.CharField(db_default="pairwise", default="pairwise", max_length=60),
        ),
        migrations.AddField(
            model_name="judgingjob",
            name="reveals",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="judgingitem",
            name="question",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="annotation.question",
            ),
        ),
        migrations.AlterField(
            model_name="judgingjob",
            name="annotator",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="annotation.annotator",
            ),
        ),
        migrations.AddIndex(
            model_name="judgecall",
            index=models.Index(fields=["inputs_hash"], name="judge_calls_by_inputs"),
        ),
        migrations.AddConstraint(
            model_name="judgecall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("order__in", ["ab", "ba", "-"]),
                    ("kind__in", ["ask", "repair"]),
                    (
                        "status__in",
                        ["ok", "repaired", "unparsable", "refused", "truncated", "engine_error"],
                    ),
                ),
                name="judgecall_words_are_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgingitem",
            constraint=models.UniqueConstraint(
                fields=("job", "prompt"), name="one_judging_item_per_job_and_prompt"
            ),
        ),
        migrations.AddConstraint(
            model_name="judgingitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("prompt__isnull", False), ("question__isnull", True)),
                    models.Q(("prompt__isnull", True), ("question__isnull", False)),
                    _connector="OR",
                ),
                name="judgingitem_is_about_a_question_or_a_prompt",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgingitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome", ""),
                    (
                        "outcome__in",
                        [
                            "first_much",
                            "first",
                            "tie",
                            "second",
                            "second_much",
                            "both_bad",
                            "invalid",
                            "given",
                        ],
                    ),
                    _connector="OR",
                ),
                name="judgingitem_outcome_is_known",
            ),
        ),
        migrations.AddField(
            model_name="judgingseat",
            name="checkpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="models_runtime.checkpoint",
            ),
        ),
        migrations.AddField(
            model_name="judgingseat",
            name="job",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="seats",
                to="models_runtime.judgingjob",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgingseat",
            constraint=models.UniqueConstraint(
                fields=("job", "name"), name="one_model_per_seat_of_a_job"
            ),
        ),
        migrations.RunSQL(CARRY_OVER, CARRY_BACK),
        migrations.RemoveField(
            model_name="judgingjob",
            name="both_orders",
        ),
        migrations.RemoveField(
            model_name="judgingjob",
            name="reducer",
        ),
        migrations.RemoveField(
            model_name="judgingjob",
            name="template",
        ),
    ]
