"""How many judgments a second, how long until the next question, and is any seat given twice?

    .venv/bin/python benchmarks/collection.py [--annotators 1 8 32] [--seconds 20] [--separate]
        [--quotas]

Starts a lasting PostgreSQL (the embedded one, fsync on) and gunicorn with 2 workers and 8 threads,
fills a project with 10,000 pairwise questions of overlap 1 for each run, and lets 1, 8 and 32
annotators judge over the API without a pause: each sends an answer that also asks for the next
question, waits for it, and answers again. With `--separate` the answer and the next question are
two requests. With `--quotas` each project already holds 50,000 judgments by people of two groups,
and quotas of both that are far from full, so that every lease has to know how much they gave.
Afterwards the rows are counted: questions with more seats taken than their overlap, and questions
that were given to two people.

The client is one process over plain sockets; it shares the machine's cores with the server, so its
own processor time is printed, beside that of the web processes and of PostgreSQL. So is a limit to
compare with: the bare statements of a submission, from as many threads as gunicorn has, without
HTTP or Django. The API's limit per token is raised, since one annotator here does the work of many.
"""

import argparse
import json
import os
import platform
import selectors
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.surroundings import gunicorn, own_folder, postgres  # noqa: E402

QUESTIONS = 10_000
WORKERS, THREADS = 2, 8
PARAGRAPH = (
    "Talk to them **first**, on a calm afternoon, and say what you hear and when. Most people "
    "don't know, because it happens while they are out. If that doesn't help, keep a short log: "
    "dates, times, how long. "
)
RESPONSE = f"{PARAGRAPH * 2}\n\n1. Talk\n2. Write\n3. Mediate\n\n{PARAGRAPH}\n\n`log.txt` helps.\n"

FILL = """
WITH r AS (
  INSERT INTO annotation_prompt (project_id, external_id, messages, content_hash, html, created_at)
  SELECT %(project)s, 'prompt-' || n,
    jsonb_build_array(jsonb_build_object('role', 'user', 'content', %(asked)s || n)),
    md5(n::text), '<p>' || %(asked)s || n || '</p>', now()
  FROM generate_series(1, %(questions)s) n RETURNING id
), c AS (
  INSERT INTO annotation_candidate (prompt_id, external_id, text, content_hash, html, created_at)
  SELECT r.id, 'c' || k, %(text)s || r.id || '/' || k, md5(r.id || '/' || k),
    %(html)s || r.id || '/' || k, now()
  FROM r, generate_series(0, 1) k RETURNING id, prompt_id, external_id
), q AS (
  INSERT INTO annotation_question (public_id, project_id, prompt_id, judgment_type, external_id,
    state, priority, overlap, created_at)
  SELECT gen_random_uuid(), %(project)s, r.id, 'pairwise', 'q' || r.id, 'open', 0, 1, now()
  FROM r RETURNING id, prompt_id
)
INSERT INTO annotation_placement (question_id, candidate_id, position)
SELECT q.id, c.id, substr(c.external_id, 2)::int FROM q JOIN c ON c.prompt_id = q.prompt_id
"""

GIVEN = 5  # judgments that each question has beforehand under quotas
WITH_QUOTAS = """
WITH w AS (
  INSERT INTO annotation_annotator (public_id, project_id, kind, external_id, display_name,
    created_at, paused_because)
  SELECT gen_random_uuid(), %(project)s, 'person', 'earlier-' || n, '', now(), ''
  FROM generate_series(1, 100) n RETURNING id
), f AS (
  INSERT INTO annotation_profile (annotator_id, version, attributes, created_at)
  SELECT id, 1, jsonb_build_object('side', (ARRAY['left', 'right'])[1 + id %% 2]), now()
  FROM w RETURNING id, annotator_id
), p AS (SELECT *, row_number() OVER () AS n FROM f)
INSERT INTO annotation_judgment (public_id, question_id, annotator_id, profile_id, judgment_type,
  payload, submission_key, source, standing, reason, created_at, shown_order, phase)
SELECT gen_random_uuid(), q.id, p.annotator_id, p.id, 'pairwise', '{"strength": 1}',
  gen_random_uuid()::text, 'import', 'counted', '', now(), '{0,1}', 1
FROM annotation_question q JOIN p ON p.n BETWEEN 1 + q.id %% 20 * 5 AND %(given)s + q.id %% 20 * 5
WHERE q.project_id = %(project)s
"""
OVER_ASSIGNED = """
SELECT count(*) FROM annotation_question q WHERE q.project_id = %s AND q.overlap < (
    SELECT count(*) FROM annotation_assignment a
    WHERE a.question_id = q.id AND a.state = 'live' AND a.lease_until > now()
) + (
    SELECT count(*) FROM annotation_judgment j WHERE j.question_id = q.id AND j.standing = 'counted'
)
"""
SERVED_TWICE = """
SELECT count(*) FROM (
    SELECT FROM annotation_assignment a JOIN annotation_question q ON q.id = a.question_id
    WHERE q.project_id = %s GROUP BY a.question_id HAVING count(*) > 1
) twice
"""


# --- The server -------------------------------------------------------------------------------


@dataclass
class Server:
    """Gunicorn and the PostgreSQL behind it."""

    port: int
    gunicorn: int
    postmaster: int

    def web_processes(self) -> list[int]:
        return children(self.gunicorn)

    def memory(self) -> str:
        """Of each web process: resident, and its share once shared pages are divided up."""
        each = [(megabytes(pid, "Rss"), megabytes(pid, "Pss")) for pid in self.web_processes()]
        return ", ".join(f"{rss:.0f} MB resident ({pss:.0f} its share)" for rss, pss in each)

    def cpu(self) -> dict[str, float]:
        """Processor seconds used so far."""
        database = [self.postmaster, *children(self.postmaster)]
        return {
            "web": sum(map(cpu_seconds, self.web_processes())),
            "PostgreSQL": sum(map(cpu_seconds, database)),
            "client": time.process_time(),
        }


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_seconds(pid: int) -> float:
    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int, kind: str) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"process {pid} tells nothing of its memory")


@contextmanager
def served() -> Iterator[Server]:
    """PostgreSQL that syncs to disk, a migrated database and gunicorn, all stopped afterwards."""
    with own_folder() as home, postgres(home, durable=True) as cluster:
        var = home / "var"
        var.mkdir()
        os.environ |= {
            "DATABASE_URL": cluster.url(),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "POLYPHONY_VAR_DIR": str(var),
            "POLYPHONY_LOG_LEVEL": "WARNING",
            "POLYPHONY_API_RATE": "1000000",
            "SECRET_KEY": "benchmark",
        }
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--no-input", "-v", "0"], cwd=ROOT, check=True
        )
        postmaster = cluster.pid()
        assert postmaster is not None
        try:
            with gunicorn(home, workers=WORKERS, threads=THREADS) as (web, port):
                yield Server(port, web, postmaster)
        finally:
            log = home / "gunicorn.log"
            if log.exists() and (said := log.read_text()[-3000:]):
                print(said, file=sys.stderr)


def fill(slug: str, annotators: int, *, quotas: bool = False) -> tuple[int, list[str]]:
    """A project of pairwise questions and its annotators' tokens; with quotas also its past."""
    from django.db import connection

    from annotation import tokens
    from annotation.models import Membership, Project, ProjectState, Role, User
    from annotation.rendering import render_markdown
    from annotation.tokens import Scope

    project = Project.objects.create(slug=slug, name=slug, state=ProjectState.OPEN, overlap=1)
    values = {
        "project": project.pk,
        "asked": "My neighbour's dog barks all night. What now? Number ",
        "text": RESPONSE,
        "html": render_markdown(RESPONSE),
        "questions": QUESTIONS,
    }
    with connection.cursor() as cursor:
        cursor.execute(FILL, values)
        if quotas:
            cursor.execute(WITH_QUOTAS, values | {"given": GIVEN})
            project.questions.update(overlap=GIVEN + 1)
            rules = {"group_by": "side", "judgments_per_group": {"left": 40_000, "*": 40_000}}
            project.options |= {"assignment": rules}
            project.save(update_fields=["options"])
        cursor.execute("VACUUM ANALYZE")  # or it happens by itself during the measurement
        cursor.execute("CHECKPOINT")
    secrets = []
    for number in range(annotators):
        user = User.objects.create(username=f"{slug}-{number}", password="!")
        Membership.objects.create(user=user, project=project, role=Role.ANNOTATOR)
        issued = tokens.issue(user=user, name="benchmark", scopes=[Scope.JUDGE, Scope.READ])
        secrets.append(issued.secret)
    return project.pk, secrets


# --- The client -------------------------------------------------------------------------------


@dataclass
class Judge:
    """One annotator's connection: asks, answers, asks again, and remembers how long it waited."""

    port: int
    slug: str
    secret: str
    separate: bool
    judgments: int = 0
    stopping: bool = False
    finished: bool = False
    waits: list[float] = field(default_factory=list)
    asked: bytes = b""
    received: bytearray = field(default_factory=bytearray)
    began: float = 0.0
    submitting: bool = False
    gave_at: float = 0.0

    def connect(self) -> socket.socket:
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.socket

    def ask(self) -> None:
        self.submitting = False
        self._send(f"/api/v1/projects/{self.slug}/assignments/", b"{}")

    def answer(self, assignment: str) -> None:
        self.submitting = True
        body = {
            "assignment": assignment,
            "submission_key": uuid.uuid4().hex,
            "answer": {"choice": "2", "reason": "A says what to do first, and why it may work."},
            "lease_next": not self.separate,
        }
        self._send(f"/api/v1/projects/{self.slug}/judgments/", orjson.dumps(body))

    def _send(self, path: str, body: bytes) -> None:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.secret}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.asked = head.encode() + body
        self.began = time.perf_counter()
        self.socket.sendall(self.asked)

    def hear(self) -> None:
        """Read what has arrived and, once the answer is whole, go on."""
        part = self.socket.recv(262_144)
        if not part:
            raise SystemExit(f"the server hung up after {bytes(self.received[:300])!r}")
        self.received += part
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.received[:end]).lower()
        _, found, rest = head.partition(b"content-length:")
        length = int(rest.split(b"\r\n", 1)[0]) if found else 0
        if len(self.received) < end + 4 + length:
            return
        took = time.perf_counter() - self.began
        status, body = int(head[9:12]), bytes(self.received[end + 4 :])
        self.received.clear()
        self._go_on(status, body, took)

    def _go_on(self, status: int, body: bytes, took: float) -> None:
        if self.submitting:
            if status != 201:
                raise SystemExit(f"an answer got {status}: {body[:500]!r}")
            self.judgments += 1
            if self.separate:
                self.finished = self.stopping
                if not self.finished:
                    self.ask()
                return
            following = orjson.loads(body)["next"]
        else:
            if status not in (201, 204):
                raise SystemExit(f"a question got {status}: {body[:500]!r}")
            following = orjson.loads(body) if status == 201 else None
        if self.judgments:
            self.waits.append(took)
        if following is None or self.stopping:
            self.finished = True
        else:
            self.answer(following["id"])


def judge_for(seconds: float, judges: list[Judge]) -> float:
    """Let them all judge; the seconds it took until time or questions ran out."""
    selector = selectors.DefaultSelector()
    for judge in judges:
        selector.register(judge.connect(), selectors.EVENT_READ, judge)
    began = time.perf_counter()
    for judge in judges:
        judge.ask()
    waiting = len(judges)
    while waiting:
        stopping = time.perf_counter() - began > seconds
        for key, _ in selector.select(1):
            judge = key.data
            judge.stopping = stopping
            judge.hear()
            if judge.finished:
                selector.unregister(judge.socket)
                waiting -= 1
    took = time.perf_counter() - began
    for judge in judges:
        judge.socket.close()
    return took


# --- The limit --------------------------------------------------------------------------------


def bare_limit(seconds: float) -> dict[str, float]:
    """Rounds a second of the least statements that keep a judgment and lease the next question.

    From as many threads as gunicorn has, each with a connection, without HTTP, Django or any check
    beyond the database's own; and bare commits a second of one small row, which is what the disk
    gives.
    """
    import psycopg

    from annotation.models import Annotator, Project

    project_id, _ = fill(f"limit-{uuid.uuid4().hex[:6]}", 0)
    project = Project.objects.get(pk=project_id)
    count = WORKERS * THREADS
    annotators = [
        Annotator.objects.create(project=project, kind="person", external_id=f"bare-{n}").pk
        for n in range(count)
    ]
    questions = list(project.questions.values_list("pk", flat=True))
    url = os.environ["DATABASE_URL"]
    rounds = [0] * count
    commits = [0] * count

    def loop(number: int) -> None:
        mine = iter(questions[number::count])
        with psycopg.connect(url, autocommit=True) as connection:
            end = time.perf_counter() + seconds
            for question in mine:
                if time.perf_counter() > end:
                    break
                with connection.transaction():
                    row = connection.execute(BARE_LEASE, [question, annotators[number]]).fetchone()
                    assert row is not None
                    key = uuid.uuid4().hex
                    connection.execute(BARE_SUBMIT, [question, annotators[number], row[0], key])
                rounds[number] += 1

    def sync(number: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            end = time.perf_counter() + seconds / 2
            while time.perf_counter() < end:
                connection.execute("INSERT INTO bare_commits VALUES (1)")
                commits[number] += 1

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bare_commits (n int)")
    for work in (loop, sync):
        threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return {"rounds": sum(rounds) / seconds, "commits": 2 * sum(commits) / seconds}


BARE_LEASE = """
INSERT INTO annotation_assignment (public_id, question_id, annotator_id, state, shown_order,
    leased_at, lease_until, release_reason)
VALUES (gen_random_uuid(), %s, %s, 'live', '{0,1}', now(), now() + interval '1 hour', '')
RETURNING id
"""
BARE_SUBMIT = """
INSERT INTO annotation_judgment (public_id, question_id, annotator_id, assignment_id, judgment_type,
    payload, submission_key, source, standing, reason, created_at, shown_order)
VALUES (gen_random_uuid(), %s, %s, %s, 'pairwise', '{"strength": 1}', %s, 'api', 'counted', '',
    now(), '{0,1}')
"""


# --- The report -------------------------------------------------------------------------------


def count(sql: str, project: int) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, [project])
        return int(cursor.fetchone()[0])


def measure(
    server: Server, annotators: int, seconds: float, separate: bool, quotas: bool
) -> dict[str, Any]:
    slug = f"bench-{annotators}-{uuid.uuid4().hex[:6]}"
    project, secrets = fill(slug, annotators, quotas=quotas)
    judges = [Judge(server.port, slug, secret, separate) for secret in secrets]
    before = server.cpu()
    took = judge_for(seconds, judges)
    used = {name: after - before[name] for name, after in server.cpu().items()}
    waits = sorted(wait for judge in judges for wait in judge.waits)
    judgments = sum(judge.judgments for judge in judges)
    cuts = statistics.quantiles(waits, n=100)
    result = {
        "annotators": annotators,
        "judgments": judgments,
        "per_second": judgments / took,
        "next_p50_ms": statistics.median(waits) * 1000,
        "next_p95_ms": cuts[94] * 1000,
        "over_assigned": count(OVER_ASSIGNED, project),
        "served_twice": count(SERVED_TWICE, project),
        "cpu_ms_per_judgment": {name: value / judgments * 1000 for name, value in used.items()},
        "cpu_used": sum(used.values()) / took / (os.cpu_count() or 1),
    }
    kept = count(
        "SELECT count(*) FROM annotation_judgment j JOIN annotation_question q "
        "ON q.id = j.question_id WHERE q.project_id = %s AND j.source <> 'import'",
        project,
    )
    if kept != judgments:
        raise SystemExit(f"{judgments} judgments were acknowledged, {kept} are kept")
    return result


def show(result: dict[str, Any]) -> None:
    each = ", ".join(f"{name} {ms:.2f}" for name, ms in result["cpu_ms_per_judgment"].items())
    print(
        f"{result['annotators']:>3} annotators: {result['per_second']:6.1f} judgments/s "
        f"({result['judgments']}), next question p50 {result['next_p50_ms']:5.1f} ms, "
        f"p95 {result['next_p95_ms']:5.1f}; over-assigned {result['over_assigned']}, "
        f"served twice {result['served_twice']}\n"
        f"      processor ms per judgment: {each}; "
        f"{result['cpu_used']:.0%} of the machine used by these three",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotators", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--separate", action="store_true", help="two requests per judgment")
    parser.add_argument("--quotas", action="store_true", help="count 50,000 judgments for quotas")
    parser.add_argument("--no-limit", action="store_true", help="leave out the bare statements")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(
        f"{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"load before {load:.1f}"
    )
    figures: list[dict[str, Any]] = []
    with served() as server:
        import django

        django.setup()
        print(f"idle memory per web process: {server.memory()}")
        if not options.no_limit:
            limit = bare_limit(options.seconds / 2)
            print(
                f"limit: {limit['rounds']:.0f} bare submissions with a lease per second, "
                f"{limit['commits']:.0f} bare commits per second"
            )
        for annotators in options.annotators:
            figures.append(
                measure(server, annotators, options.seconds, options.separate, options.quotas)
            )
            show(figures[-1])
        print(f"after the runs: {server.memory()}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
