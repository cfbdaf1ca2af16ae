"""Rendering many texts, in this process or by several. Pure.

The helpers are plain child processes (`python -m annotation.intake.texts`) that know neither Django
nor the database: a fork would share the parent's connection and threads, and multiprocessing's
spawn runs the caller's main script again. A batch is one line of JSON each way, and a helper reads
its whole line before it writes one, so nobody waits for the other.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from annotation.intake.refusals import IntakeError
from annotation.phrases import say
from annotation.rendering import render_markdown, render_messages

ROOT = Path(__file__).resolve().parent.parent.parent
Render = Callable[[str, Sequence[str]], list[str]]


class RenderingStopped(IntakeError):
    """A helper process ended before it had answered."""

    def __init__(self, code: int | None) -> None:
        super().__init__(
            say(
                "A process that renders texts ended unexpectedly (exit code %(code)s), "
                "perhaps for want of memory. Nothing was written; import again, with "
                "--processes 1 if it happens twice.",
                code=code,
            )
        )


def render_stored_messages(messages: str) -> str:
    """The HTML of a prompt's messages, given as JSON text."""
    return render_messages(json.loads(messages))


RENDERERS: dict[str, Callable[[str], str]] = {
    "prompt": render_stored_messages,
    "candidate": render_markdown,
}


def render(noun: str, texts: Sequence[str]) -> list[str]:
    """The HTML of each text; `noun` is "prompt" (JSON messages) or "candidate" (Markdown)."""
    renderer = RENDERERS[noun]
    return [renderer(text) for text in texts]


@contextmanager
def rendering(processes: int) -> Iterator[Render]:
    """A `render` that uses so many processes; with one, this one."""
    if processes <= 1:
        yield render
        return
    with ExitStack() as stack:
        helpers = [stack.enter_context(_helper()) for _ in range(processes)]

        def spread(noun: str, texts: Sequence[str]) -> list[str]:
            size = -(-len(texts) // len(helpers)) or 1
            shares = [texts[start : start + size] for start in range(0, len(texts), size)]
            busy = list(zip(helpers, shares, strict=False))
            for helper, share in busy:
                _ask(helper, [noun, list(share)])
            return [page for helper, _ in busy for page in _answer(helper)]

        yield spread


@contextmanager
def _helper() -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "annotation.intake.texts"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as helper:
        try:
            yield helper
        except BaseException:
            helper.kill()
            assert helper.stdin is not None
            with suppress(BrokenPipeError):  # what it never took mustn't hide why it is ended
                helper.stdin.close()
            raise


def _ask(helper: "subprocess.Popen[bytes]", batch: list[object]) -> None:
    assert helper.stdin is not None
    try:
        helper.stdin.write(json.dumps(batch).encode() + b"\n")
        helper.stdin.flush()
    except BrokenPipeError as error:
        raise RenderingStopped(helper.wait()) from error


def _answer(helper: "subprocess.Popen[bytes]") -> list[str]:
    assert helper.stdout is not None
    line = helper.stdout.readline()
    if not line.endswith(b"\n"):
        raise RenderingStopped(helper.wait())
    pages: list[str] = json.loads(line)
    return pages


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """What a helper does until its parent closes the pipe."""
    for line in requests:
        noun, texts = json.loads(line)
        answers.write(json.dumps(render(noun, texts)).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
