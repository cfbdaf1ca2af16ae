"""Carrying out prompt jobs: from rows that are ready to new prompts, and to ideas set aside with
their reasons.

A row is one call for ideas and whatever its filters need to ask. It is settled whole: a worker that
dies in between leaves nothing behind, and the row is asked again.
"""

import random
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction

from annotation.content import add_prompt
from annotation.models import Project, Prompt
from annotation.phrases import say
from models_runtime import shifts
from models_runtime.checkpoints import open_engine
from models_runtime.device_time import on_device
from models_runtime.engines import (
    Cause,
    Conversation,
    Engine,
    Failure,
    GenerationReply,
    GenerationRequest,
    Sampling,
    Usage,
)
from models_runtime.generating import seed_for
from models_runtime.keeping_candidates import storable
from models_runtime.models import PromptIdea, PromptItem, PromptJob
from models_runtime.models.prompt_making import PARAPHRASE
from models_runtime.prompt_filters import (
    Idea,
    ask_for_ideas,
    ask_for_rating,
    ask_for_twin,
    ask_itself,
    ask_whether_same,
    compare,
    ideas_in,
    take_rating,
    take_rollouts,
    take_sameness,
    twin_in,
)
from models_runtime.prompt_making import PromptOptions, words_of
from models_runtime.prompting.prompts import PARAPHRASE as REWORD
from models_runtime.prompting.prompts import RATE, SAME, WRITE
from models_runtime.shifts import Hopeless, Over, Shift

SLICE = 8
ROLLOUT_TOKENS = 512
UNLISTED = Failure(Cause.MALFORMED_REPLY, say("The model's reply holds no list of requests."))
Pool = list[tuple[str, Sequence[str]]]


def run_prompts(pk: int, *, length: timedelta = shifts.SHIFT) -> timedelta | None:
    """Work a shift on prompt job `pk`; do nothing if it is final.

    Returns how long to wait before somebody should look again, None if nobody needs to.
    """
    job = shifts.begin(PromptJob, pk)
    if job is None:
        return None
    return shifts.carry_out(
        job,
        PromptItem.objects.filter(job=job),
        lambda: _work(job, length),
        nothing=say("None of the {total} calls brought prompts. {cause}"),
        some=say("{failed} of {total} calls brought nothing and were set aside."),
    )


def _work(job: PromptJob, length: timedelta) -> None:
    with open_engine(job.checkpoint) as engine, on_device(job.project, [engine]):
        engine.check()
        slice_ = max(SLICE, engine.info.in_flight)
        with Shift[PromptJob, PromptItem](
            job, PromptItem.objects.all(), stop=engine.close, length=length, slice_=slice_
        ) as shift:
            shift.look_up()
            for items in shift.slices():
                Bench(shift, shift.thrifty(engine), items).work()


@dataclass
class _Case:
    """A row on the bench: what it was shown, the ideas that came, what that took."""

    item: PromptItem
    shown: list[Prompt]
    ideas: list[Idea] | None = None
    usage: Usage = field(default_factory=Usage)
    failure: Failure | None = None
    rollouts: dict[int, list[str]] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return self.ideas is not None and self.failure is None

    def kept(self) -> list[Idea]:
        return [idea for idea in self.ideas or [] if self.failure is None and idea.is_kept]


class Bench:
    """One slice of rows, taken through its stages together."""

    def __init__(
        self, shift: Shift[PromptJob, PromptItem], engine: Engine, items: Sequence[PromptItem]
    ) -> None:
        self._shift = shift
        self._engine = engine
        self._job = shift.job
        self._options = shift.job.read_settings()
        seeds = Prompt.objects.filter(project=self._job.project, external_id__in=self._job.seeds)
        by_name = {prompt.external_id: prompt for prompt in seeds}
        self._cases = {
            item.pk: _Case(item, shown_to(self._job, item, by_name, self._options))
            for item in items
        }

    def work(self) -> None:
        """Raises Over or Hopeless where the shift must end; what was asked by then is counted."""
        try:
            self._ask_everything()
        except (Over, Hopeless):
            self._note(self._cases.values())
            raise
        self._settle()
        self._shift.look_up()

    def _ask_everything(self) -> None:
        self._ask_for_ideas()
        self._leave_out_repeats()
        if self._job.kind == PARAPHRASE:
            self._ask_whether_same()
        elif self._options.least_quality:
            self._ask_for_ratings()
        if self._options.rollouts:
            self._ask_for_rollouts()

    def _secret(self, *parts: object) -> str:
        return ":".join(map(str, (self._job.seed, *parts)))

    def _seed(self, stage: str, pk: int, *parts: int) -> int:
        return seed_for(self._job.seed, stage, self._cases[pk].item.index, *parts)

    def _ask_for_ideas(self) -> None:
        is_twin = self._job.kind == PARAPHRASE
        template = REWORD if is_twin else WRITE
        questions: dict[tuple[int, int, int], Conversation] = {}
        for pk, case in self._cases.items():
            texts = [prompt.last_text() for prompt in case.shown]
            secret = self._secret("ideas", case.item.index)
            questions[pk, 0, 0] = (
                ask_for_twin(texts[0], secret)
                if is_twin
                else ask_for_ideas(texts, self._options, secret)
            )
        for (pk, _, _), reply in self._ask("ideas", questions, template.max_tokens, 1.0):
            case = self._cases[pk]
            text = storable(reply.samples[0].text)
            if is_twin:
                case.ideas = [twin_in(text, case.shown[0].last_text(), self._options)]
            else:
                case.ideas = ideas_in(text, self._options)
                case.failure = None if case.ideas else UNLISTED

    def _leave_out_repeats(self) -> None:
        """A first look, so that no call is spent on what is there; `_settle` looks again."""
        if self._job.kind == PARAPHRASE:
            return
        pool = pool_of(self._job.project)
        for case in self._cases.values():
            for idea in case.kept():
                compare(idea, pool, self._options)

    def _ask_for_ratings(self) -> None:
        questions = {
            (pk, idea.place, 0): ask_for_rating(
                idea, self._secret("rate", self._cases[pk].item.index, idea.place)
            )
            for pk, idea in self._kept()
        }
        for (pk, place, _), reply in self._ask("rate", questions, RATE.max_tokens, 0.0):
            take_rating(self._idea(pk, place), reply, self._options)

    def _ask_whether_same(self) -> None:
        questions = {
            (pk, idea.place, 0): ask_whether_same(
                self._cases[pk].shown[0].last_text(),
                idea,
                self._secret("same", self._cases[pk].item.index),
            )
            for pk, idea in self._kept()
        }
        for (pk, place, _), reply in self._ask("same", questions, SAME.max_tokens, 0.0):
            take_sameness(self._idea(pk, place), reply)

    def _ask_for_rollouts(self) -> None:
        questions = {
            (pk, idea.place, nth): ask_itself(idea)
            for pk, idea in self._kept()
            for nth in range(self._options.rollouts)
        }
        for (pk, place, _), reply in self._ask("rollout", questions, ROLLOUT_TOKENS, 1.0):
            self._cases[pk].rollouts.setdefault(place, []).append(reply.samples[0].text)
        for case in self._cases.values():
            for idea in case.kept():
                take_rollouts(idea, case.rollouts.get(idea.place, []), self._options)

    def _kept(self) -> list[tuple[int, Idea]]:
        return [(pk, idea) for pk, case in self._cases.items() for idea in case.kept()]

    def _idea(self, pk: int, place: int) -> Idea:
        ideas = self._cases[pk].ideas
        assert ideas is not None
        return ideas[place]

    def _ask(
        self,
        stage: str,
        questions: dict[tuple[int, int, int], Conversation],
        max_tokens: int,
        temperature: float,
    ) -> Iterable[tuple[tuple[int, int, int], GenerationReply]]:
        """Good replies by (row, idea, nth). A row of which one question fails fails as a whole.

        Raises Over where the job was cancelled meanwhile, Hopeless where nothing can be asked.
        """
        sampling = Sampling(max_tokens=max_tokens, temperature=temperature)
        keys = {":".join(map(str, key)): key for key in questions}
        requests = [
            GenerationRequest(name, questions[key], sampling, seed=self._seed(stage, *key))
            for name, key in keys.items()
        ]
        good = []
        with closing(self._engine.generate(requests)) as replies:
            for reply in replies:
                case = self._cases[keys[reply.key][0]]
                case.usage += reply.usage
                if reply.failure is not None and reply.failure.cause.concerns_everything:
                    raise Hopeless(reply.failure)
                if reply.failure is not None:
                    case.failure = case.failure or reply.failure
                else:
                    good.append((keys.pop(reply.key), reply))
        self._shift.look_up(awaiting=True)  # the row is settled first
        for unanswered in keys.values():
            case = self._cases[unanswered[0]]
            case.failure = case.failure or Failure(Cause.CANCELLED, say("The call was broken off."))
        return [each for each in good if self._cases[each[0][0]].failure is None]

    def _settle(self) -> None:
        """Keep what came of the slice, in one transaction. Rows this worker no longer holds are
        left to whoever holds them. The project's row is locked, so that of two workers with the
        same idea one keeps it."""
        cases = list(self._cases.values())
        self._note(cases)
        with transaction.atomic():
            Project.objects.select_for_update(no_key=True).get(pk=self._job.project_id)
            rows = self._shift.rows
            held = rows.lock_held([case.item for case in cases], self._shift.worker)
            cases = [case for case in cases if case.item.pk in held]
            pool = None if self._job.kind == PARAPHRASE else pool_of(self._job.project)
            for case in cases:
                if case.is_complete:
                    self._keep(case, pool)
            rows.complete([case.item.pk for case in cases if case.is_complete])
            failed = [(case.item, case.failure) for case in cases if case.failure is not None]
            self._shift.settle_failures(failed)
        last = failed[-1][1] if failed else None
        self._shift.count(successes=len(cases) - len(failed), failures=len(failed), last=last)

    def _note(self, cases: Iterable[_Case]) -> None:
        """Count what the calls for rows took, whatever comes of them."""
        for case in cases:
            self._shift.rows.pay([(case.item.pk, case.usage)])
            self._shift.purse.keep([case.usage])

    def _keep(self, case: _Case, pool: Pool | None) -> None:
        """Keep a row's ideas. What is kept joins the `pool`; twins are near to others by nature
        and compared with none."""
        rows = []
        for idea in case.ideas or []:
            if idea.is_kept and pool is not None:
                compare(idea, pool, self._options)
            prompt = None
            if idea.is_kept:
                name = f"{self._job.public_id.hex[:12]}-{case.item.index}-{idea.place}"
                prompt = add_prompt(
                    project=self._job.project,
                    messages=self._messages(case, idea),
                    external_id=name,
                )
                if pool is not None:
                    pool.append((name, words_of(idea.text)))
            rows.append(
                PromptIdea(
                    job=self._job,
                    item=case.item,
                    place=idea.place,
                    text=idea.text,
                    dropped=idea.dropped.value,
                    detail=idea.detail,
                    seeds=[each.external_id for each in case.shown],
                    prompt=prompt,
                    model_revision=self._engine.info.revision,
                    seed=self._seed("ideas", case.item.pk, 0, 0),
                    attempt=case.item.attempt,
                )
            )
        PromptIdea.objects.bulk_create(rows)

    def _messages(self, case: _Case, idea: Idea) -> list[dict[str, str]]:
        """The new prompt's conversation: of a twin, the original's with its last message new."""
        before = case.shown[0].messages[:-1] if self._job.kind == PARAPHRASE else []
        return [*before, {"role": "user", "content": idea.text}]


def shown_to(
    job: PromptJob, item: PromptItem, by_name: dict[str, Prompt], options: PromptOptions
) -> list[Prompt]:
    """What a row's model is shown: the prompt to be reworded, or seeds drawn for this row."""
    if item.prompt_id is not None:
        return [Prompt.objects.get(pk=item.prompt_id)]
    known = [by_name[name] for name in job.seeds if name in by_name]
    draw = random.Random(f"{job.seed}:{item.index}")
    return draw.sample(known, min(options.shown, len(known)))


def pool_of(project: Project) -> Pool:
    """Every prompt of a project, by its id and words."""
    prompts = Prompt.objects.filter(project=project).order_by("id").only("external_id", "messages")
    return [(each.external_id, words_of(each.last_text())) for each in prompts.iterator()]
