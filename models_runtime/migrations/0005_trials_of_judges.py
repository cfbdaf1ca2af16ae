"""Judging jobs that only show what a judge would say."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0002_guards"),
        ("models_runtime", "0004_measure_and_probe"),
    ]

    operations = [
        migrations.AddField(
            model_name="judgingjob",
            name="trial",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddConstraint(
            model_name="judgingjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("trial", False),
                    models.Q(("annotator__isnull", True), ("reveals", False)),
                    _connector="OR",
                ),
                name="judgingjob_trial_has_no_annotator",
            ),
        ),
    ]
