"""The filters that ask a model: what is put to it about an idea, and what its replies come to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from models_runtime.engines import Conversation, GenerationReply, Message
from models_runtime.judging.checklists import likeness
from models_runtime.prompt_making import (
    Drop,
    PromptOptions,
    difficulty_fault,
    form_fault,
    majority_share,
    nearest,
    read_ideas,
    words_of,
)
from models_runtime.prompting.prompts import PARAPHRASE, RATE, SAME, WRITE
from models_runtime.prompting.replies import YES, number, yes_or_no
from models_runtime.prompting.templates import Fenced
from models_runtime.selection import extract_answer

NEARLY_THE_SAME = 0.95  # likeness of words above which a rewording is none
MOST_LETTERS = 20_000


@dataclass
class Idea:
    """A prompt on its way through the filters."""

    place: int
    text: str
    dropped: Drop = Drop.KEPT
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        return self.dropped is Drop.KEPT


def ask_for_ideas(seeds: Sequence[str], options: PromptOptions, secret: str) -> Conversation:
    """Show seeds and ask for more of the kind."""
    listed = "\n\n".join(f"{n}. {text}" for n, text in enumerate(seeds, 1))
    return WRITE.put([Fenced("REQUESTS", listed)], secret, count=str(options.per_call))


def ask_for_twin(text: str, secret: str) -> Conversation:
    return PARAPHRASE.put([Fenced("REQUEST", text)], secret)


def ask_for_rating(idea: Idea, secret: str) -> Conversation:
    return RATE.put([Fenced("REQUEST", idea.text)], secret)


def ask_whether_same(original: str, idea: Idea, secret: str) -> Conversation:
    return SAME.put(
        [Fenced("FIRST REQUEST", original), Fenced("SECOND REQUEST", idea.text)], secret
    )


def ask_itself(idea: Idea) -> Conversation:
    return (Message("user", idea.text),)


def ideas_in(reply: str, options: PromptOptions) -> list[Idea]:
    """The ideas of a reply, at most as many as were asked for, checked for their form."""
    texts = [text[:MOST_LETTERS] for text in read_ideas(reply)[: options.per_call]]
    return [Idea(place, text, form_fault(text, options)) for place, text in enumerate(texts)]


def twin_in(reply: str, original: str, options: PromptOptions) -> Idea:
    """A rewording, dropped where it hardly differs from the original."""
    text = reply.strip()[:MOST_LETTERS]
    idea = Idea(0, text, form_fault(text, options))
    idea.detail["likeness"] = round(likeness(original, text), 4)
    same = words_of(original) == words_of(text)
    if idea.is_kept and (same or idea.detail["likeness"] > NEARLY_THE_SAME):
        idea.dropped = Drop.SAME_WORDS
    return idea


def compare(idea: Idea, pool: Sequence[tuple[str, Sequence[str]]], options: PromptOptions) -> None:
    """Drop an idea that is too near to a prompt of the pool, given as (name, words)."""
    found = nearest(idea.text, [words for _, words in pool], limit=options.most_overlap)
    if found is not None:
        place, overlap = found
        idea.dropped = Drop.REPEATED
        idea.detail |= {"nearest": pool[place][0], "overlap": round(overlap, 4)}


def take_rating(idea: Idea, reply: GenerationReply, options: PromptOptions) -> None:
    sample = reply.samples[0]
    read = number(1, 10)(sample.text, sample.finish)
    if read.value is None:
        idea.dropped = Drop.UNREADABLE
        return
    idea.detail["rating"] = read.value
    if read.value < options.least_quality:
        idea.dropped = Drop.LOW_QUALITY


def take_sameness(idea: Idea, reply: GenerationReply) -> None:
    sample = reply.samples[0]
    said = yes_or_no()(sample.text, sample.finish).value
    if said is None:
        idea.dropped = Drop.UNREADABLE
    elif said != YES:
        idea.dropped = Drop.OTHER_MEANING


def take_rollouts(idea: Idea, texts: Sequence[str], options: PromptOptions) -> None:
    share = majority_share([extract_answer(text) for text in texts])
    idea.detail |= {"share": None if share is None else round(share, 4), "rollouts": len(texts)}
    idea.dropped = difficulty_fault(share, options)
