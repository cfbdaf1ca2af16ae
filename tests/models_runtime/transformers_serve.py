"""The library's own model server, `transformers serve`, on loopback with a tiny model.

It accepts n, logprobs and response_format and ignores them: the engine must notice.
"""

import atexit
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tests.models_runtime.local_models import tiny_llama
from tests.ports import free_port

NEEDED = ("torch", "transformers", "accelerate", "fastapi", "openai", "uvicorn")
PATIENCE = 60.0


def absent() -> str | None:
    """Why it can't be started here, None if it can."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    return f"the package {missing[0]} is absent" if missing else None


def serve() -> tuple[str, str]:
    """(address, model name) of a server that lives as long as this test process."""
    address, model, trouble = _start()
    assert not trouble, f"transformers serve didn't start:\n{trouble}"
    return address, model


@cache
def _start() -> tuple[str, str, str]:
    model = _sampling_copy()
    port = free_port()
    log = Path(model).parent / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", "from transformers.cli.transformers import main; main()"),
                *("serve", model, "--host", "127.0.0.1", "--port", str(port)),
                *("--device", "cpu", "--dtype", "float32", "--log-level", "warning"),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        )
    atexit.register(_stop, process, os.getpid())
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                return f"http://127.0.0.1:{port}/v1", model, ""
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    process.kill()
    return "", model, log.read_text()[-2000:]


def _sampling_copy() -> str:
    """The tiny model with a configuration that samples: the server takes no temperature from a
    request unless the model's own settings sample already."""
    original = Path(tiny_llama())
    folder = original.parent / "served"
    shutil.copytree(original, folder)
    settings = folder / "generation_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"do_sample": True}))
    return str(folder)


def _stop(process: "subprocess.Popen[bytes]", owner: int) -> None:
    if os.getpid() == owner:
        process.kill()
        process.wait()
