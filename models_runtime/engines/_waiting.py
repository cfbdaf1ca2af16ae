"""Requests that wait for a model of this machine, by the window and by how they are drawn. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Generic, TypeVar

from models_runtime.engines import GenerationRequest, Sampling
from models_runtime.engines._local_model import Row

R = TypeVar("R")


def windows(requests: Iterable[R], size: int) -> Iterator[list[R]]:
    pending = iter(requests)
    while window := list(islice(pending, size)):
        yield window


class Pending(Generic[R]):
    """An iterator that can be given back what was taken one too many."""

    def __init__(self, source: Iterable[R]) -> None:
        self._source = iter(source)

    def take(self, count: int) -> list[R]:
        return list(islice(self._source, count))

    def chain(self, first: Iterable[R], alike: Callable[[R], bool]) -> Iterator[R]:
        """`first`, then what comes next as long as it is `alike`."""
        yield from first
        for each in self._source:
            if not alike(each):
                self._source = chain((each,), self._source)
                return
            yield each


def way_of(sampling: Sampling) -> Sampling:
    """How tokens are drawn, however many."""
    return replace(sampling, max_tokens=1)


def is_drawn(way: Sampling, request: GenerationRequest) -> bool:
    return way_of(request.sampling) == way


def rows_by_sampling(rows: Sequence[Row]) -> list[list[Row]]:
    groups: dict[Sampling, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.request.sampling, []).append(row)
    return list(groups.values())


def by_sampling(requests: Sequence[GenerationRequest]) -> list[list[GenerationRequest]]:
    groups: dict[Sampling, list[GenerationRequest]] = {}
    for request in requests:
        groups.setdefault(request.sampling, []).append(request)
    return list(groups.values())
