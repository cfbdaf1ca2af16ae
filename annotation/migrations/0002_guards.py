"""Guards that hold whoever writes: the web app, a shell, or a colleague in psql."""

from django.db import migrations

JUDGMENT_LOG = """
CREATE SEQUENCE annotation_judgment_position;

CREATE FUNCTION annotation_judgment_append() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project bigint;
    earlier record;
    seat record;
BEGIN
    SELECT project_id INTO project FROM annotation_question WHERE id = NEW.question_id;
    PERFORM pg_advisory_xact_lock_shared(7401, project::int);
    NEW.position := nextval('annotation_judgment_position');
    IF NEW.supersedes_id IS NOT NULL THEN
        SELECT question_id, annotator_id INTO earlier
        FROM annotation_judgment WHERE id = NEW.supersedes_id;
        IF earlier.question_id <> NEW.question_id OR earlier.annotator_id <> NEW.annotator_id THEN
            RAISE EXCEPTION 'a judgment may only supersede one by the same annotator on the same question'
                USING ERRCODE = 'check_violation',
                      CONSTRAINT = 'judgment_supersedes_its_own_earlier_one';
        END IF;
    END IF;
    IF NEW.assignment_id IS NOT NULL THEN
        SELECT question_id, annotator_id INTO seat
        FROM annotation_assignment WHERE id = NEW.assignment_id;
        IF seat.question_id <> NEW.question_id OR seat.annotator_id <> NEW.annotator_id THEN
            RAISE EXCEPTION 'a judgment belongs to the question and annotator of its assignment'
                USING ERRCODE = 'check_violation',
                      CONSTRAINT = 'judgment_matches_its_assignment';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER annotation_judgment_append BEFORE INSERT ON annotation_judgment
    FOR EACH ROW EXECUTE FUNCTION annotation_judgment_append();

CREATE FUNCTION annotation_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER annotation_judgment_append_only BEFORE UPDATE OR DELETE ON annotation_judgment
    FOR EACH ROW EXECUTE FUNCTION annotation_append_only();
CREATE TRIGGER annotation_profile_append_only BEFORE UPDATE ON annotation_profile
    FOR EACH ROW EXECUTE FUNCTION annotation_append_only();
CREATE TRIGGER annotation_guideline_append_only BEFORE UPDATE ON annotation_guideline
    FOR EACH ROW EXECUTE FUNCTION annotation_append_only();
CREATE TRIGGER annotation_exposure_append_only BEFORE UPDATE ON annotation_exposure
    FOR EACH ROW EXECUTE FUNCTION annotation_append_only();

-- Emptying the table whole is refused too, but for throwaway test databases, which say so.
CREATE FUNCTION annotation_judgment_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('polyphony.throwaway', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION '% is append-only: TRUNCATE is refused', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER annotation_judgment_no_truncate BEFORE TRUNCATE ON annotation_judgment
    FOR EACH STATEMENT EXECUTE FUNCTION annotation_judgment_no_truncate();
"""

JUDGMENT_LOG_REVERSE = """
DROP TRIGGER annotation_judgment_no_truncate ON annotation_judgment;
DROP FUNCTION annotation_judgment_no_truncate();
DROP TRIGGER annotation_exposure_append_only ON annotation_exposure;
DROP TRIGGER annotation_guideline_append_only ON annotation_guideline;
DROP TRIGGER annotation_profile_append_only ON annotation_profile;
DROP TRIGGER annotation_judgment_append_only ON annotation_judgment;
DROP FUNCTION annotation_append_only();
DROP TRIGGER annotation_judgment_append ON annotation_judgment;
DROP FUNCTION annotation_judgment_append();
DROP SEQUENCE annotation_judgment_position;
"""

SEATS = """
-- Never more live leases plus counted judgments than a question's overlap asks for. The question's
-- row is locked first, so two people asking at the same instant are counted one after the other.
-- A model's judgment takes nobody's seat: overlap speaks of people (or simulations of them).
CREATE FUNCTION annotation_assignment_seat() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted integer;
    taken integer;
BEGIN
    IF NEW.state <> 'live' OR EXISTS (
        SELECT 1 FROM annotation_annotator WHERE id = NEW.annotator_id AND kind = 'model'
    ) THEN
        RETURN NEW;
    END IF;
    SELECT overlap INTO wanted FROM annotation_question
    WHERE id = NEW.question_id FOR NO KEY UPDATE;
    SELECT (
        SELECT count(*) FROM annotation_assignment a
        JOIN annotation_annotator w ON w.id = a.annotator_id
        WHERE a.question_id = NEW.question_id AND a.id <> NEW.id AND w.kind <> 'model'
          AND a.state = 'live' AND a.lease_until > NEW.leased_at
    ) + (
        SELECT count(*) FROM annotation_judgment j
        JOIN annotation_annotator w ON w.id = j.annotator_id
        WHERE j.question_id = NEW.question_id AND j.standing = 'counted' AND w.kind <> 'model'
          AND NOT EXISTS (SELECT 1 FROM annotation_judgment l WHERE l.supersedes_id = j.id)
    ) INTO taken;
    IF taken >= wanted THEN
        RAISE EXCEPTION 'question % already has all % of its seats taken', NEW.question_id, wanted
            USING ERRCODE = 'check_violation', CONSTRAINT = 'never_more_seats_than_overlap';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER annotation_assignment_seat BEFORE INSERT ON annotation_assignment
    FOR EACH ROW EXECUTE FUNCTION annotation_assignment_seat();
"""

SEATS_REVERSE = """
DROP TRIGGER annotation_assignment_seat ON annotation_assignment;
DROP FUNCTION annotation_assignment_seat();
"""

FROZEN_RUBRICS = """
CREATE FUNCTION annotation_rubric_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.rubric_id IS NOT NULL THEN
        UPDATE annotation_rubric SET frozen_at = now()
        WHERE id = NEW.rubric_id AND frozen_at IS NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER annotation_rubric_freeze AFTER INSERT OR UPDATE OF rubric_id ON annotation_question
    FOR EACH ROW EXECUTE FUNCTION annotation_rubric_freeze();

CREATE FUNCTION annotation_criterion_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.rubric_id ELSE NEW.rubric_id END;
BEGIN
    IF EXISTS (SELECT 1 FROM annotation_rubric WHERE id = touched AND frozen_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this rubric is in use, so its criteria are frozen; make a new version'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_used_rubric_is_frozen';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER annotation_criterion_frozen BEFORE INSERT OR UPDATE OR DELETE
    ON annotation_criterion FOR EACH ROW EXECUTE FUNCTION annotation_criterion_frozen();
"""

FROZEN_RUBRICS_REVERSE = """
DROP TRIGGER annotation_criterion_frozen ON annotation_criterion;
DROP FUNCTION annotation_criterion_frozen();
DROP TRIGGER annotation_rubric_freeze ON annotation_question;
DROP FUNCTION annotation_rubric_freeze();
"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0001_initial")]

    operations = [
        migrations.RunSQL(JUDGMENT_LOG, JUDGMENT_LOG_REVERSE),
        migrations.RunSQL(SEATS, SEATS_REVERSE),
        migrations.RunSQL(FROZEN_RUBRICS, FROZEN_RUBRICS_REVERSE),
    ]
