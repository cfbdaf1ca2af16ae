"""Who may know whom, and what the web process must not load."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "annotation", "aggregation", "models_runtime")


@pytest.mark.slow
def test_the_import_contracts_hold() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as m; m()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout[-4000:]
    assert " 0 broken" in answer.stdout


HEAVY = {"torch", "transformers", "safetensors", "pandas", "scipy.stats", "scipy.optimize"}
WEB_PROCESS = """
import os, sys
from pathlib import Path
import config.wsgi
from config.gunicorn_conf import pre_fork
pre_fork(None, None)  # as gunicorn does before each web process
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
from django.template.loader import get_template
get_template("annotation/judge.html")
print(*sorted(sys.modules))
print(next(line.split()[1] for line in open("/proc/self/smaps_rollup") if line.startswith("Rss:")))
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="asks Linux's /proc")
def test_a_web_process_that_waits_is_light_and_loads_nothing_that_judging_doesnt_need() -> None:
    """Heavy parts are imported by the function that needs them; `benchmarks/collection.py` prints
    the memory of real web processes."""
    answer = subprocess.run(
        [sys.executable, "-c", WEB_PROCESS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    loaded, resident = answer.stdout.splitlines()[-2:]
    assert HEAVY & set(loaded.split()) == set()
    assert int(resident) / 1024 < 150, "megabytes"


def modules() -> list[Path]:
    return [path for app in APPS for path in sorted((ROOT / app).rglob("*.py"))]


def test_tasks_belong_to_our_celery_application() -> None:
    """`shared_task` binds to whichever application is current: in a web process, not ours."""
    offenders = [
        str(path.relative_to(ROOT))
        for path in modules()
        if "shared_task" in path.read_text("utf-8")
    ]
    assert offenders == []


def test_every_task_has_a_written_name() -> None:
    nameless = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            for decorator in node.decorator_list:
                call = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(call, ast.Attribute) and call.attr == "task":
                    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
                    if "name" not in {keyword.arg for keyword in keywords}:
                        nameless.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert nameless == []


def test_the_clock_calls_every_sweeper_and_nothing_else() -> None:
    script = (
        "import django; from config.celery import app\n"
        "django.setup(); app.loader.import_default_modules()\n"
        "app.finalize(auto=True)\n"
        "print(*sorted(name for name in app.tasks if name.endswith('.sweep')))\n"
        "print(*sorted(entry['task'] for entry in app.conf.beat_schedule.values()))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    sweepers, scheduled = answer.stdout.splitlines()
    assert sweepers == scheduled


CALLS_OUT = re.compile(
    r"\bhttpx\.(get|post|put|patch|delete|head|options|stream|request|Client|AsyncClient)\("
    r"|^\s*(import|from) (requests|aiohttp|httpcore|urllib\.request|http\.client)\b",
    re.MULTILINE,
)


def test_outgoing_requests_pass_the_guard() -> None:
    """Only the guard opens connections to addresses that people choose; the demo calls itself."""
    callers = {
        str(path.relative_to(ROOT))
        for path in modules()
        if CALLS_OUT.search(path.read_text("utf-8"))
    }
    assert callers == {"config/outbound.py", "config/demo.py"}
