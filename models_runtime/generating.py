"""Carrying out generation jobs: from rows that are ready to candidates with their provenance."""

import hashlib
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.db import transaction

from annotation.hashes import hash_text
from annotation.models import Candidate, Prompt
from annotation.rendering import render_markdown
from models_runtime import shifts
from models_runtime.checkpoints import open_engine
from models_runtime.device_time import on_device
from models_runtime.differing import (
    Embed,
    ask_again,
    ask_differently,
    kept_texts,
    rounds_of,
    sort_out,
)
from models_runtime.embedders import open_embedder
from models_runtime.engines import (
    Cause,
    Conversation,
    Engine,
    Failure,
    GenerationReply,
    GenerationRequest,
    Message,
    Sample,
)
from models_runtime.languages import LANGUAGES
from models_runtime.models import Generation, GenerationItem, GenerationJob
from models_runtime.novelty import Rule, warmer
from models_runtime.prompting.languages import in_language
from models_runtime.shifts import Hopeless, Shift

BATCH = 16
BATCH_SECONDS = 1.0
EMPTY = Failure(Cause.EMPTY_REPLY, "The model answered with an empty text.")


def run_generation(pk: int, *, length: timedelta = shifts.SHIFT) -> timedelta | None:
    """Work a shift on generation job `pk`; do nothing if it is final.

    Candidates already written stay whatever happens. Returns how long to wait before somebody
    should look again, None if nobody needs to.
    """
    job = shifts.begin(GenerationJob, pk)
    if job is None:
        return None
    return shifts.carry_out(
        job,
        GenerationItem.objects.filter(job=job),
        lambda: _work(job, length),
        nothing="None of the {total} candidates could be written. {cause}",
        some="{failed} of {total} candidates could not be written and were set aside.",
    )


def _work(job: GenerationJob, length: timedelta) -> None:
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(job.checkpoint))
        embedder = stack.enter_context(open_embedder(job.embedder)) if job.embedder else None
        opened = [engine] if embedder is None else [engine, embedder]
        stack.enter_context(on_device(job.project, opened))
        engine.check()
        slice_ = max(shifts.SLICE, 2 * engine.info.in_flight)
        with Shift[GenerationJob, GenerationItem](
            job, GenerationItem.objects.all(), stop=engine.close, length=length, slice_=slice_
        ) as shift:
            shift.look_up()
            _write_all(shift, engine, embedder.embed if embedder else None)


@dataclass(frozen=True, slots=True)
class Asked:
    """An item with the seed it was asked for with."""

    item: GenerationItem
    seed: int


@dataclass
class _Desk:
    """What lies between engine and database: items asked for, and replies not yet written."""

    most: int = BATCH
    asked: dict[str, Asked] = field(default_factory=dict)
    answered: list[tuple[Asked, GenerationReply]] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    @property
    def is_full(self) -> bool:
        waited = time.monotonic() - self.since
        return len(self.answered) >= self.most or (bool(self.answered) and waited > BATCH_SECONDS)


def _write_all(
    shift: Shift[GenerationJob, GenerationItem], engine: Engine, embed: Embed | None
) -> None:
    """Ask and write until no row is ready or the shift is over. Candidates that must differ are
    asked for in rounds: each sees what the rounds before have brought."""
    if not shift.job.novelty:
        _write_slices(shift, engine, shift.slices(), embed)
        return
    for items in shift.slices():
        for round_ in rounds_of(items):
            _write_slices(shift, engine, [round_], embed)


def _write_slices(
    shift: Shift[GenerationJob, GenerationItem],
    engine: Engine,
    slices: Iterable[Sequence[GenerationItem]],
    embed: Embed | None,
) -> None:
    desk = _Desk(shift.batch(BATCH, engine.info.in_flight))
    with closing(engine.generate(_requests(shift.job, slices, desk))) as replies:
        for reply in replies:
            if reply.failure is not None and reply.failure.cause.concerns_everything:
                _write(shift, engine, desk, embed)
                raise Hopeless(reply.failure)
            desk.answered.append((desk.asked.pop(reply.key), reply))
            if desk.is_full:
                _write(shift, engine, desk, embed)
    _write(shift, engine, desk, embed)


def _requests(
    job: GenerationJob, slices: Iterable[Sequence[GenerationItem]], desk: _Desk
) -> Iterator[GenerationRequest]:
    """Requests for claimed items, one slice after the other, pulled as the engine has room."""
    sampling, rule = job.read_sampling(), job.read_novelty()
    for items in slices:
        prompts = Prompt.objects.in_bulk({item.prompt_id for item in items})
        kept = kept_texts(job, items) if rule and rule.axis else {}
        for item in items:
            prompt = prompts[item.prompt_id]
            parts = (item.asked_again,) if item.asked_again else ()
            seed = seed_for(job.seed, prompt.content_hash, item.index, *parts)
            key = str(item.pk)
            desk.asked[key] = Asked(item, seed)
            asked = conversation_of(prompt)
            if language := job.language_of(item.index):
                asked = in_language(asked, LANGUAGES[language])
            if rule and (others := kept.get(item.prompt_id)):
                asked = ask_differently(
                    asked, others, rule, item.index, secret=f"{job.seed}:{seed}"
                )
            heat = warmer(sampling.temperature, item.asked_again)
            drawn = replace(sampling, temperature=heat) if item.asked_again else sampling
            yield GenerationRequest(key, asked, drawn, seed=seed)


def conversation_of(prompt: Prompt) -> Conversation:
    return tuple(Message(str(m["role"]), str(m["content"])) for m in prompt.messages)


def seed_for(seed: int, *parts: object) -> int:
    """A seed below 2^31 for one request: the same whenever and by whomever it is carried out."""
    digest = hashlib.sha256(":".join(map(str, (seed, *parts))).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _write(
    shift: Shift[GenerationJob, GenerationItem], engine: Engine, desk: _Desk, embed: Embed | None
) -> None:
    """Keep the answered items' candidates with their provenance, in one transaction.

    Rows this worker no longer holds are left to whoever holds them.
    """
    answered, desk.answered = desk.answered, []
    desk.since = time.monotonic()
    good: list[tuple[Asked, GenerationReply, Candidate]] = []
    bad: list[tuple[GenerationItem, Failure]] = []
    for asked, reply in answered:
        failure = _failure_of(reply)
        if failure is None:
            good.append((asked, reply, _candidate(shift.job, asked.item, reply.samples[0])))
        else:
            bad.append((asked.item, failure))
    with transaction.atomic():
        held = shift.rows.lock_held([asked.item for asked, _ in answered], shift.worker)
        good = [entry for entry in good if entry[0].item.pk in held]
        bad = [entry for entry in bad if entry[0].pk in held]
        rule = shift.job.read_novelty()
        repeats: set[int] = set()
        if rule is not None:
            good, repeats = _differing(shift.job, rule, good, embed)
        Candidate.objects.bulk_create([candidate for _, _, candidate in good])
        Generation.objects.bulk_create(
            [
                _provenance(shift.job, engine, *entry, is_repeat=entry[0].item.pk in repeats)
                for entry in good
            ]
        )
        shift.rows.complete([asked.item.pk for asked, _, _ in good])
        shift.settle_failures(bad)
    shift.count(successes=len(good), failures=len(bad), last=bad[-1][1] if bad else None)
    shift.look_up()


def _differing(
    job: GenerationJob,
    rule: Rule,
    good: list[tuple[Asked, GenerationReply, Candidate]],
    embed: Embed | None,
) -> tuple[list[tuple[Asked, GenerationReply, Candidate]], set[int]]:
    """Those that may stay, with the items of those that stay though they repeat others. The rest
    is thrown away and asked for again."""
    by_item = {entry[0].item.pk: entry for entry in good}
    texts = [(asked.item, candidate.text) for asked, _, candidate in good]
    stay, repeats, again = sort_out(job, rule, texts, embed)
    for pk in again:
        ask_again(by_item[pk][0].item, by_item[pk][1].usage)
    return [by_item[pk] for pk in stay], set(repeats)


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


def _provenance(
    job: GenerationJob,
    engine: Engine,
    asked: Asked,
    reply: GenerationReply,
    candidate: Candidate,
    *,
    is_repeat: bool,
) -> Generation:
    item = asked.item
    return Generation(
        candidate=candidate,
        job=job,
        prompt_id=item.prompt_id,
        index=item.index,
        checkpoint_id=job.checkpoint_id,
        model_revision=engine.info.revision,
        seed=asked.seed,
        finish=reply.samples[0].finish.value,
        tokens_in=reply.usage.tokens_in + item.tokens_in,
        tokens_out=reply.usage.tokens_out + item.tokens_out,
        cost=reply.usage.cost + item.cost,
        wall_ms=reply.wall_ms,
        attempt=item.attempt,
        asked_again=item.asked_again,
        is_repeat=is_repeat,
    )
