"""Publishing a million judgments: rows per second and peak memory, and the time to a stored result.

    .venv/bin/python -m benchmarks.publishing [JUDGMENTS]

Makes a throwaway PostgreSQL, fills it with a seeded world, then measures in child processes, one
per figure, so that each peak is its own. The yardsticks for the time from the log to a stored
result are PostgreSQL's COPY to nowhere, in the judgments' order, of the four columns of theirs that
a fit is made of, of their whole rows, and of what a fit elsewhere needs of them: who judged which
prompt, between which systems, and what was said.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.surroundings import own_folder, postgres

QUESTIONS_SHARE = 5  # judgments per question
SYSTEMS, PEOPLE = 50, 1_000

FILL = """
WITH p AS (
  INSERT INTO annotation_project (public_id, slug, name, description, state, judgment_type, options,
    overlap, lease_seconds, seed, is_simulated, created_at)
  VALUES (gen_random_uuid(), 'million', 'A million', '', 'open', 'pairwise', '{{}}', 5, 1800, 0,
    false, now()) RETURNING id
), s AS (
  INSERT INTO annotation_system (project_id, name, family)
  SELECT p.id, 'system-' || n, '' FROM p, generate_series(1, {systems}) n RETURNING id
) SELECT 1 FROM s;
INSERT INTO annotation_annotator (public_id, project_id, kind, external_id, display_name,
    created_at)
  SELECT gen_random_uuid(), p.id, 'person', 'p' || n, '', now()
  FROM annotation_project p, generate_series(1, {people}) n;
INSERT INTO annotation_prompt (project_id, external_id, messages, content_hash, html, created_at)
  SELECT p.id, 'prompt-' || n,
    jsonb_build_array(jsonb_build_object('role', 'user', 'content', repeat('What now? ', 20) || n)),
    md5(n::text), '', now()
  FROM annotation_project p, generate_series(1, {questions}) n;
INSERT INTO annotation_candidate (prompt_id, external_id, system_id, text, content_hash, html,
    created_at)
  SELECT r.id, 'c' || k,
    (SELECT min(id) FROM annotation_system) + (r.id * (7 + 6 * k)) % {systems},
    repeat('An answer of some length. ', 24) || r.id || '/' || k, '', '', now()
  FROM annotation_prompt r, generate_series(0, 1) k;
INSERT INTO annotation_question (public_id, project_id, prompt_id, judgment_type, external_id,
    state, priority, overlap, created_at)
  SELECT gen_random_uuid(), r.project_id, r.id, 'pairwise', 'q' || r.id, 'open', 0, {share}, now()
  FROM annotation_prompt r;
INSERT INTO annotation_placement (question_id, candidate_id, position)
  SELECT q.id, c.id, substr(c.external_id, 2)::int
  FROM annotation_question q JOIN annotation_candidate c ON c.prompt_id = q.prompt_id;
INSERT INTO annotation_judgment (public_id, question_id, annotator_id, judgment_type, payload,
    submission_key, source, standing, reason, created_at, shown_order)
  SELECT gen_random_uuid(), q.id,
    (SELECT min(id) FROM annotation_annotator) + (q.id * 31 + k * 97) % {people}, 'pairwise',
    jsonb_build_object('strength', (hashtext(q.id || '/' || k) % 7 + 7) % 7 - 3),
    q.id || '/' || k, 'import', 'counted', '', now(), '{{0,1}}'
  FROM annotation_question q, generate_series(1, {share}) k;
ANALYZE;
"""

COPY = """
import time
from django.db import connection
seconds = []
for _ in range(3):
    with connection.cursor() as cursor:
        began = time.perf_counter()
        with cursor.copy('''COPY ({rows} ORDER BY j.position) TO STDOUT''') as rows:
            for _ in rows:
                pass
        seconds.append(time.perf_counter() - began)
report(seconds=min(seconds))
"""
COLUMNS = """SELECT j.question_id, j.annotator_id, j.payload, j.shown_order
    FROM annotation_judgment j JOIN annotation_question q ON q.id = j.question_id"""
ROWS = """SELECT j.*
    FROM annotation_judgment j JOIN annotation_question q ON q.id = j.question_id"""
EVIDENCE = """SELECT r.external_id, a.external_id, x.name, y.name, j.payload, j.shown_order
    FROM annotation_judgment j
    JOIN annotation_annotator a ON a.id = j.annotator_id
    JOIN annotation_question q ON q.id = j.question_id
    JOIN annotation_prompt r ON r.id = q.prompt_id
    JOIN annotation_placement p ON p.question_id = q.id AND p.position = 0
    JOIN annotation_candidate c ON c.id = p.candidate_id
    JOIN annotation_system x ON x.id = c.system_id
    JOIN annotation_placement o ON o.question_id = q.id AND o.position = 1
    JOIN annotation_candidate d ON d.id = o.candidate_id
    JOIN annotation_system y ON y.id = d.system_id"""
RUN = """
import time
from annotation.models import Project
from aggregation import runs
from aggregation.enqueue import request_run
run = request_run(Project.objects.get(), "bradley_terry")
began = time.perf_counter()
runs.execute_run(run.pk)
seconds = time.perf_counter() - began
run.refresh_from_db()
assert run.state == "done", run.error
report(seconds=seconds, judgments=run.judgments)
"""
PUBLISH = """
import time
from annotation.models import Project
from aggregation import publishing
from aggregation.enqueue import request_release
release = request_release(Project.objects.get(), exports=["{export}"])
began = time.perf_counter()
publishing.publish(release.pk)
seconds = time.perf_counter() - began
release.refresh_from_db()
assert release.state == "done", release.error
(export,) = release.manifest["exports"]
report(seconds=seconds, rows=export["rows"], bytes=sum(f["bytes"] for f in release.files()))
"""
NOTHING = "import aggregation.publishing, aggregation.runs\nreport()"

PRELUDE = """
import django, json, os, resource
django.setup()
from config.celery import app
app.conf.broker_url = "memory://localhost/"
def report(**figures):
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures["cpu_seconds"] = used.ru_utime + used.ru_stime
    figures["peak_mb"] = used.ru_maxrss / 1024
    open(os.environ["REPORT"], "w").write(json.dumps(figures))
"""


def measured(script: str, environment: dict[str, str], folder: Path) -> dict[str, float]:
    report = folder / "report.json"
    subprocess.run(
        [sys.executable, "-c", PRELUDE + script],
        env=environment | {"REPORT": str(report)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    figures: dict[str, float] = json.loads(report.read_text())
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("judgments", type=int, nargs="?", default=1_000_000)
    judgments = parser.parse_args().judgments
    with own_folder() as folder, postgres(folder) as cluster:
        environment = os.environ | {
            "DATABASE_URL": cluster.url(),
            "POLYPHONY_VAR_DIR": str(folder / "var"),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "POLYPHONY_LOG_LEVEL": "WARNING",
        }
        manage(environment, "migrate", "-v0")
        began = time.perf_counter()
        questions = judgments // QUESTIONS_SHARE
        fill = FILL.format(
            systems=SYSTEMS, people=PEOPLE, questions=questions, share=QUESTIONS_SHARE
        )
        measured(
            f"from django.db import connection\nconnection.cursor().execute({fill!r})\nreport()",
            environment,
            folder,
        )
        print(f"{judgments:,} judgments made in {time.perf_counter() - began:.0f} s")
        show("imports only", measured(NOTHING, environment, folder))
        copied = measured(COPY.format(rows=COLUMNS), environment, folder)
        show("copying four of the judgments' columns out", copied)
        whole = measured(COPY.format(rows=ROWS), environment, folder)
        show("copying their whole rows out", whole)
        needed = measured(COPY.format(rows=EVIDENCE), environment, folder)
        show("copying out with systems, prompts and people", needed)
        run = min(
            (measured(RUN, environment, folder) for _ in range(3)),
            key=lambda each: each["seconds"],
        )
        show("Bradley–Terry, log to stored result", run)
        print(f"  = {run['seconds'] / copied['seconds']:.2f} x copying four columns,")
        print(f"    {run['seconds'] / whole['seconds']:.2f} x copying whole rows,")
        print(f"    {run['seconds'] / needed['seconds']:.2f} x copying what the fit reads")
        for export in ("raw_judgments", "trl_preference"):
            figures = measured(PUBLISH.format(export=export), environment, folder)
            show(f"release of {export}", figures)
            print(f"  = {judgments / figures['seconds']:,.0f} judgments/s, census, JSONL,")
            print("    Parquet, hashes, signature and verification included")
    print(f"own peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def show(what: str, figures: dict[str, float]) -> None:
    said = ", ".join(f"{name} {value:,.1f}" for name, value in figures.items())
    print(f"{what}: {said}", flush=True)


def manage(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], env=environment, check=True)


if __name__ == "__main__":
    main()
