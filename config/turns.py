"""Judgments take turns within a web process: few are worked on at once, the first come first.

The threads of a process share one interpreter. Eight that compute at the same time each get every
eighth moment, and who is finished first is chance, so that some wait for twice as long as others.
Two at once keep the interpreter busy (one computes while the other waits for the database), and
the rest wait for less time on the whole, and for about the same time each.

A request that holds its turn for longer than PATIENCE, since the database makes it wait, no longer
counts, and nobody waits for longer than that.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from django.http import HttpRequest
from django.http.response import HttpResponseBase

AT_ONCE = 2  # per process
PATIENCE = 0.25  # seconds
JUDGING = ("/judgments/", "/assignments/", "/judge/")  # what the paths end with

Answer = Callable[[HttpRequest], HttpResponseBase]


class Turns:
    """At most `at_once` threads between begin and end of `taken`, in the order of their coming."""

    def __init__(self, at_once: int, patience: float) -> None:
        self._at_once, self._patience = at_once, patience
        self._lock = Lock()
        self._waiting: deque[Lock] = deque()
        self._since: dict[Lock, float] = {}  # those whose turn it is

    @contextmanager
    def taken(self) -> Iterator[None]:
        mine = Lock()
        mine.acquire()
        with self._lock:
            self._waiting.append(mine)
            self._call()
        if not mine.acquire(timeout=self._patience):
            self._go_unasked(mine)
        try:
            yield
        finally:
            with self._lock:
                del self._since[mine]
                self._call()

    def _call(self) -> None:
        """Let those go on for whom there is room."""
        now = monotonic()
        while self._waiting and self._working(now) < self._at_once:
            following = self._waiting.popleft()
            self._since[following] = now
            following.release()

    def _working(self, now: float) -> int:
        return sum(now - since < self._patience for since in self._since.values())

    def _go_unasked(self, mine: Lock) -> None:
        with self._lock:
            if mine not in self._since:  # it may have been called at this instant
                self._waiting.remove(mine)
                self._since[mine] = monotonic()


def judging_in_turn(get_response: Answer) -> Answer:
    """Middleware: answers, and askings for a question, take turns; pages and downloads don't."""
    turns = Turns(AT_ONCE, PATIENCE)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST" and request.path_info.endswith(JUDGING):
            with turns.taken():
                return get_response(request)
        return get_response(request)

    return middleware
