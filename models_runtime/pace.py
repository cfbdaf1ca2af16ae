"""How fast a model works here: as its newest jobs went, or an assumption that is said to be one.

What is counted as one is up to who asks: tokens written, tokens read, calls. The time of a job is
the time from its first start to its end, so opening the model and what waits for the database are
in it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TypeVar

from models_runtime.models import Job
from models_runtime.presenting import in_words

__all__ = ["Pace", "TakesTime", "pace_of"]

J = TypeVar("J", bound=Job)

NEWEST = 3  # jobs of a model by which its pace is told


@dataclass(frozen=True, slots=True)
class Pace:
    """`per_second` of whatever is counted; `jobs` it was measured in, 0 where it is assumed."""

    per_second: float
    jobs: int = 0

    @property
    def is_measured(self) -> bool:
        return self.jobs > 0

    def time_for(self, amount: float) -> timedelta:
        return timedelta(seconds=amount / self.per_second)


class TakesTime:
    """Something with a `time` that is expected, as people and programs read it."""

    __slots__ = ()
    time: timedelta

    @property
    def time_words(self) -> str:
        return in_words(self.time)

    @property
    def seconds(self) -> float:
        return self.time.total_seconds()


def pace_of(jobs: Iterable[J], amount: Callable[[J], float], *, assumed: float) -> Pace:
    """The pace of the first of `jobs` that did something in some time; else the assumed one."""
    done = seconds = 0.0
    looked_at = 0
    for job in islice(jobs, NEWEST):
        took = (job.elapsed() or timedelta()).total_seconds()
        did = amount(job) if took else 0.0
        if did:
            done, seconds, looked_at = done + did, seconds + took, looked_at + 1
    return Pace(done / seconds, looked_at) if looked_at else Pace(assumed)
