"""An import adds to the tallies once, at its end, and not with every statement."""

from django.db import migrations

BODY = """
CREATE OR REPLACE FUNCTION annotation_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN{later}
    INSERT INTO annotation_tally (annotator_id, profile_id, judgments)
    SELECT n.annotator_id, n.profile_id, count(*)
    FROM given n JOIN annotation_annotator w ON w.id = n.annotator_id
    WHERE n.standing = 'counted' AND n.supersedes_id IS NULL AND w.kind <> 'model'
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (annotator_id, profile_id)
    DO UPDATE SET judgments = annotation_tally.judgments + excluded.judgments;
    RETURN NULL;
END $$;
"""
LATER = """
    IF current_setting('polyphony.tally', true) = 'later' THEN RETURN NULL; END IF;"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0011_tallies")]

    operations = [
        migrations.RunSQL(BODY.format(later=LATER), reverse_sql=BODY.format(later="")),
    ]
