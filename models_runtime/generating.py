"""Carrying out generation jobs: from rows that are ready to candidates with their provenance."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta

from annotation.models import Prompt
from annotation.phrases import say
from models_runtime import shifts
from models_runtime.checkpoints import open_engine
from models_runtime.device_time import on_device
from models_runtime.differing import Vectors, ask_differently, kept_texts, rounds_of
from models_runtime.embedders import open_embedder
from models_runtime.engines import Conversation, Engine, GenerationRequest, Message
from models_runtime.keeping_candidates import Asked, Desk
from models_runtime.languages import LANGUAGES
from models_runtime.models import GenerationItem, GenerationJob
from models_runtime.novelty import warmer
from models_runtime.prompting.languages import in_language
from models_runtime.shifts import Hopeless, Shift

BATCH = 16


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
        nothing=say("None of the {total} candidates could be written. {cause}"),
        some=say("{failed} of {total} candidates could not be written and were set aside."),
    )


def _work(job: GenerationJob, length: timedelta) -> None:
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(job.checkpoint))
        embedder = stack.enter_context(open_embedder(job.embedder, job)) if job.embedder else None
        opened = [engine] if embedder is None else [engine, embedder]
        stack.enter_context(on_device(job.project, opened))
        engine.check()
        slice_ = max(shifts.SLICE, 2 * engine.info.in_flight)
        with Shift[GenerationJob, GenerationItem](
            job, GenerationItem.objects.all(), stop=engine.close, length=length, slice_=slice_
        ) as shift:
            shift.look_up()
            vectors = Vectors(embedder) if embedder else None
            _write_all(shift, shift.thrifty(engine), vectors)


def _write_all(
    shift: Shift[GenerationJob, GenerationItem], engine: Engine, vectors: Vectors | None
) -> None:
    """Ask and write until no row is ready or the shift is over. Candidates that must differ are
    asked for in rounds: each sees what the rounds before have brought."""
    if not shift.job.novelty:
        _write_slices(shift, engine, shift.slices(), vectors)
        return
    for items in shift.slices():
        for round_ in rounds_of(items):
            _write_slices(shift, engine, [round_], vectors)


def _write_slices(
    shift: Shift[GenerationJob, GenerationItem],
    engine: Engine,
    slices: Iterable[Sequence[GenerationItem]],
    vectors: Vectors | None,
) -> None:
    desk = Desk(shift, engine.info.revision, vectors, shift.batch(BATCH, engine.info.in_flight))
    with closing(engine.generate(_requests(shift.job, slices, desk))) as replies:
        for reply in replies:
            if reply.failure is not None and reply.failure.cause.concerns_everything:
                desk.keep()
                raise Hopeless(reply.failure)
            desk.take(reply)
            if desk.is_full:
                desk.keep()
                shift.look_up(awaiting=True)
    desk.keep()
    shift.look_up()


def _requests(
    job: GenerationJob, slices: Iterable[Sequence[GenerationItem]], desk: Desk
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
