"""Keeping what a model wrote: candidates with their provenance, or what became of them instead.

Whatever a reply took is counted somewhere: in the candidate's provenance, or in its row where no
candidate came of it.
"""

import time
import unicodedata
from dataclasses import dataclass

from django.db import transaction

from annotation.hashes import hash_text
from annotation.models import Candidate
from annotation.phrases import say
from annotation.rendering import render_markdown
from models_runtime.differing import Vectors, ask_again, foresee, sort_out
from models_runtime.engines import Cause, EngineError, Failure, GenerationReply, Sample
from models_runtime.models import Generation, GenerationItem, GenerationJob
from models_runtime.shifts import Shift

BATCH_SECONDS = 1.0
EMPTY = Failure(Cause.EMPTY_REPLY, say("The model answered with an empty text."))


@dataclass(frozen=True, slots=True)
class Asked:
    """An item with the seed it was asked for with."""

    item: GenerationItem
    seed: int


@dataclass(frozen=True, slots=True)
class _Good:
    """A reply that can be a candidate."""

    asked: Asked
    reply: GenerationReply
    candidate: Candidate


Answered = list[tuple[Asked, GenerationReply]]


class Desk:
    """What lies between engine and database: items asked for, and replies not yet written."""

    def __init__(
        self,
        shift: Shift[GenerationJob, GenerationItem],
        revision: str,
        vectors: Vectors | None,
        most: int,
    ) -> None:
        self.asked: dict[str, Asked] = {}
        self._shift = shift
        self._revision = revision
        self._vectors = vectors
        self._most = most
        self._answered: Answered = []
        self._since = time.monotonic()

    @property
    def is_full(self) -> bool:
        waited = time.monotonic() - self._since > BATCH_SECONDS
        return len(self._answered) >= self._most or (bool(self._answered) and waited)

    def take(self, reply: GenerationReply) -> None:
        self._answered.append((self.asked.pop(reply.key), reply))

    def keep(self) -> None:
        """Keep the answered items' candidates with their provenance, in one transaction.

        Rows this worker no longer holds are left to whoever holds them. Raises EngineError where
        nobody can tell how alike the candidates are: they are lost, and what they took is counted.
        """
        answered, self._answered = self._answered, []
        self._since = time.monotonic()
        try:
            good, bad = self._write(answered)
        except EngineError:
            self._shift.rows.pay((asked.item.pk, reply.usage) for asked, reply in answered)
            raise
        self._shift.purse.keep(reply.usage for _, reply in answered)
        last = bad[-1][1] if bad else None
        self._shift.count(successes=good, failures=len(bad), last=last)

    def _write(self, answered: Answered) -> tuple[int, list[tuple[GenerationItem, Failure]]]:
        """How many candidates were kept, and what failed."""
        job, rows = self._shift.job, self._shift.rows
        good, bad = _sorted(job, answered)
        if self._vectors is not None:
            texts = [(each.asked.item, each.candidate.text) for each in good]
            foresee(job, texts, self._vectors)
        with transaction.atomic():
            held = rows.lock_held([asked.item for asked, _ in answered], self._shift.worker)
            good = [each for each in good if each.asked.item.pk in held]
            bad = [each for each in bad if each[0].pk in held]
            good, repeats = self._differing(good)
            Candidate.objects.bulk_create([each.candidate for each in good])
            Generation.objects.bulk_create(
                [_provenance(job, self._revision, each, repeats) for each in good]
            )
            rows.complete([each.asked.item.pk for each in good])
            kept = {each.asked.item.pk for each in good}
            rows.pay((a.item.pk, reply.usage) for a, reply in answered if a.item.pk not in kept)
            self._shift.settle_failures(bad)
        return len(good), bad

    def _differing(self, good: list[_Good]) -> tuple[list[_Good], set[int]]:
        """Those that may stay, with the items of those that stay though they repeat others. The
        rest is thrown away and asked for again."""
        job = self._shift.job
        rule = job.read_novelty()
        if rule is None:
            return good, set()
        by_item = {each.asked.item.pk: each for each in good}
        texts = [(each.asked.item, each.candidate.text) for each in good]
        stay, repeats, again = sort_out(job, rule, texts, self._vectors)
        for pk in again:
            ask_again(by_item[pk].asked.item)
        return [by_item[pk] for pk in stay], set(repeats)


def _sorted(
    job: GenerationJob, answered: Answered
) -> tuple[list[_Good], list[tuple[GenerationItem, Failure]]]:
    good: list[_Good] = []
    bad: list[tuple[GenerationItem, Failure]] = []
    for asked, reply in answered:
        failure = _failure_of(reply)
        if failure is None:
            good.append(_Good(asked, reply, _candidate(job, asked.item, reply.samples[0])))
        else:
            bad.append((asked.item, failure))
    return good, bad


def _failure_of(reply: GenerationReply) -> Failure | None:
    if reply.failure is not None:
        return reply.failure
    return None if says_something(reply.samples[0].text) else EMPTY


def says_something(text: str) -> bool:
    """Whether there is anything to read: a character that is no blank, control or format sign."""
    return any(unicodedata.category(each)[0] not in "CZ" for each in text)


def storable(text: str) -> str:
    """`text` without what the database can't hold: NUL becomes ␀, half surrogates become �."""
    clean = text.replace("\0", "\u2400")
    return clean.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _candidate(job: GenerationJob, item: GenerationItem, sample: Sample) -> Candidate:
    text = storable(sample.text)
    return Candidate(
        prompt_id=item.prompt_id,
        external_id=f"{job.public_id.hex[:16]}-{item.index}",
        system_id=job.system_id,
        text=text,
        content_hash=hash_text(text),
        html=render_markdown(text),
    )


def _provenance(job: GenerationJob, revision: str, good: _Good, repeats: set[int]) -> Generation:
    item, reply = good.asked.item, good.reply
    return Generation(
        candidate=good.candidate,
        job=job,
        prompt_id=item.prompt_id,
        index=item.index,
        checkpoint_id=job.checkpoint_id,
        model_revision=revision,
        seed=good.asked.seed,
        finish=reply.samples[0].finish.value,
        tokens_in=reply.usage.tokens_in + item.tokens_in,
        tokens_out=reply.usage.tokens_out + item.tokens_out,
        cost=reply.usage.cost + item.cost,
        wall_ms=reply.wall_ms,
        attempt=item.attempt,
        asked_again=item.asked_again,
        is_repeat=item.pk in repeats,
    )
