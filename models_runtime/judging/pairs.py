"""Asking about a pair in both orders, for the protocols that do. Pure."""

import random
from collections.abc import Callable, Mapping, Sequence

from models_runtime.judging.reducers import Game, game_of
from models_runtime.judging.subject import Subject
from models_runtime.judging.talk import Answer, Ask, Order
from models_runtime.prompting.pairwise import MEANINGS, VERDICT
from models_runtime.prompting.parsing import plain, strip_wrapping
from models_runtime.prompting.templates import Fenced, Part, Template

BOTH = (Order.AB, Order.BA)
LETTERS = "ABCDEFGHIJKLMNOP"
MOST_REASON = 5000


def orders_of(subject: Subject, *, both: bool) -> tuple[Order, ...]:
    """Both orders, or one drawn by hash of the question and the job's seed."""
    if both:
        return BOTH
    return (Order.AB,) if random.Random(subject.secret).random() < 0.5 else (Order.BA,)


def ask_pair(
    subject: Subject,
    order: Order,
    template: Template,
    *,
    key: str = "",
    before: Sequence[Part] = (),
    after: Sequence[Part] = (),
    texts: Sequence[str] | None = None,
    temperature: float = 0.0,
    seat: str = "judge",
) -> Ask:
    """The ask which of two is better, shown in `order`; `before` and `after` stand around them."""
    shown = [(texts or subject.texts)[place] for place in order.shown]
    parts: list[Part] = [
        subject.asked,
        *before,
        *(Fenced(f"RESPONSE {LETTERS[place]}", text) for place, text in enumerate(shown)),
        *after,
    ]
    key = key or order.value
    messages = template.put(parts, f"{subject.secret}:{key}")
    if template.labels:
        labels = {label: MEANINGS[label] for label in template.labels}
        return Ask(key, messages, template, labels=labels, order=order, seat=seat)
    return Ask(
        key, messages, template, plain(VERDICT), order=order, temperature=temperature, seat=seat
    )


def games_of(
    asks: Sequence[Ask],
    answers: Mapping[str, Answer],
    change: Callable[[Game], Game] = lambda game: game,
) -> list[Game] | str:
    """The games of a round of pair asks; or, where one couldn't be read, the reason in words."""
    games: list[Game] = []
    for ask in asks:
        answer = answers[ask.key]
        if not answer.is_read:
            return unread(ask, answer)
        games.append(change(game_of(ask.order, answer)))
    return games


def unread(ask: Ask, answer: Answer) -> str:
    """Why there is no verdict, naming the ask."""
    where = f"order {ask.order.value}" if ask.order is not Order.NONE else ask.key
    return f"{where}: {', '.join(status.value for status in answer.tries)}"


def reason_of(answers: Mapping[str, Answer], keys: Sequence[str]) -> str:
    """What the judge wrote before its verdict, from the first of `keys` that has words."""
    for key in keys:
        answer = answers[key]
        if answer.is_read and answer.text:
            words = strip_wrapping(answer.text)
            return VERDICT.patterns[0].split(words)[0].strip()[:MOST_REASON]
    return ""
