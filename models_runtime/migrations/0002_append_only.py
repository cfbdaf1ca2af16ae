"""Provenance and raw calls are appended to, never changed. Uses annotation's refusing function."""

from django.db import migrations

GUARDS = """
CREATE TRIGGER models_runtime_judgecall_append_only BEFORE UPDATE OR DELETE
    ON models_runtime_judgecall FOR EACH ROW EXECUTE FUNCTION annotation_append_only();
CREATE TRIGGER models_runtime_generation_append_only BEFORE UPDATE
    ON models_runtime_generation FOR EACH ROW EXECUTE FUNCTION annotation_append_only();
"""
REVERSE = """
DROP TRIGGER models_runtime_generation_append_only ON models_runtime_generation;
DROP TRIGGER models_runtime_judgecall_append_only ON models_runtime_judgecall;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("models_runtime", "0001_initial"),
        ("annotation", "0002_guards"),
    ]

    operations = [migrations.RunSQL(GUARDS, REVERSE)]
