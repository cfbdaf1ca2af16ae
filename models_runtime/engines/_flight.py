"""Keeping several slow calls in the air while pulling the next ones lazily."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


LOOK_EVERY = 0.25
AHEAD = 4  # times in_flight are pulled, so that calls go on while the caller writes what landed


def fly(
    requests: Iterable[Asked],
    call: Callable[[Asked], Answered],
    *,
    in_flight: int,
    closed: threading.Event,
) -> Generator[Answered, None, None]:
    """`call` every request, at most `in_flight` at once; yield answers as they land.

    Requests are pulled in the caller's thread, a few times `in_flight` ahead, so they may come
    from a database. An exception of `call` is raised here. Closing the iterator, or setting
    `closed` from any thread, drops what hasn't begun and doesn't wait for the rest.
    """
    pending = iter(requests)
    airborne: dict[Future[Answered], None] = {}  # in the order of their start
    pool = ThreadPoolExecutor(in_flight, thread_name_prefix="engine")
    try:
        exhausted = False
        while not closed.is_set():
            while not exhausted and len(airborne) < AHEAD * in_flight:
                try:
                    airborne[pool.submit(call, next(pending))] = None
                except StopIteration:
                    exhausted = True
            if not airborne:
                return
            landed = wait(airborne, LOOK_EVERY, return_when=FIRST_COMPLETED).done
            for future in [each for each in airborne if each in landed]:
                if closed.is_set():
                    return
                del airborne[future]
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
