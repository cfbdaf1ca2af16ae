"""Criteria mined from about 30 pairs that people have judged (CritiQ).

A manager sees two thirds of the pairs and proposes criteria; workers judge each pair by one
criterion alone, in both orders. Per epoch a criterion that explains at least `high` of what it
decided is kept, one that explains no more than `low` is banned and replaced, one between is
rewritten from critiques of where it went wrong. Each keeps its best wording. The held-out third
then says what the criteria are worth together.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from annotation.phrases import say
from models_runtime.engines import Message
from models_runtime.judging.mining import (
    Fate,
    Tally,
    fate_of,
    place_of,
    tally,
    vote,
    weights_of,
    wilson,
)
from models_runtime.judging.options import Options, option
from models_runtime.judging.pairs import BOTH, ask_pair, games_of
from models_runtime.judging.subject import Subject
from models_runtime.judging.talk import Answers, Ask, Talk
from models_runtime.prompting.pairwise import CRITERION
from models_runtime.prompting.replies import bullets, prose
from models_runtime.prompting.studies import MINE, MINE_CRITIQUE, MINE_OTHERS, MINE_REWRITE
from models_runtime.prompting.templates import Fenced, Part
from models_runtime.studies import Material, Pair, Result, Size, Study

LEAST_PAIRS = 20
SHOWN_PAIRS = 20
SHOWN_TEXT = 1200
MOST_CRITIQUES = 5


@dataclass(frozen=True, kw_only=True)
class MiningOptions(Options):
    criteria: int = option(10, "Criteria", "Proposed and pursued at once.", low=2, high=30)
    epochs: int = option(3, "Epochs", "Rounds of judging, dropping and rewriting.", low=1, high=10)
    low: float = option(0.5, "Dropped up to", "Accuracy on the pairs shown.", low=0, high=1)
    high: float = option(0.75, "Kept from", "Accuracy on the pairs shown.", low=0, high=1)
    coverage: float = option(
        0.5, "Least coverage", "Share of pairs a criterion must decide to be kept.", low=0, high=1
    )
    weighted: bool = option(
        False, "Weigh by accuracy", "By the log-odds of a criterion's accuracy."
    )
    margin: float = option(0.0, "Margin", "By which one side must lead.", low=0, high=10)


@dataclass
class Kept:
    """A criterion under pursuit: its present wording, and its best one with what that explained."""

    name: str
    text: str
    fresh: bool = True
    found: Tally = field(default_factory=Tally)
    votes: dict[str, int | None] = field(default_factory=dict)
    best: tuple[str, Tally] | None = None
    wordings: int = 1


class CriteriaMining(Study):
    title = "Criteria from people's choices"
    summary = "Criteria that explain about 30 human choices, with what they explain of others."
    reference = "Guo et al. 2025 (CritiQ)"
    takes = "pairs"
    fewest = LEAST_PAIRS
    most = 200
    options_class = MiningOptions
    templates = (MINE, MINE_OTHERS, CRITERION, MINE_CRITIQUE, MINE_REWRITE)
    seats = {"judge": "The workers' model", "manager": "The manager's model"}

    def conduct(self, material: Material, options: MiningOptions) -> Talk[Result]:
        train, held = split(material)
        pool = yield from _propose(material, train, options)
        if isinstance(pool, str):
            return {"criteria": [], "cause": pool}
        banned: list[Kept] = []
        history: list[dict[str, Any]] = []
        for epoch in range(options.epochs):
            yield from _judge(material, pool, train, f"epoch-{epoch}")
            history.append({each.name: round(each.found.accuracy, 4) for each in pool})
            if epoch == options.epochs - 1:
                break
            dropped = [each for each in pool if _fate(each, options) is Fate.DROP]
            banned += dropped
            pool = [each for each in pool if each not in dropped]
            yield from _refine(material, pool, train, options, epoch)
            pool += yield from _replace(material, train, pool, banned, len(dropped), epoch)
        final = [each for each in pool if each.best and _stands(each.best[1], options)]
        for each in final:
            assert each.best is not None
            each.text, each.found = each.best
        return (yield from _held_out(material, final, held, options, len(train), history, banned))

    def cost(self, size: Size, options: MiningOptions) -> tuple[int, int]:
        train = size.pairs - size.pairs // 3
        worker = 2 * options.criteria
        per_epoch = options.criteria * (MOST_CRITIQUES + 1) + 1
        fewest = 1 + train * worker
        most = 1 + options.epochs * train * worker + (options.epochs - 1) * per_epoch
        return fewest, most + (size.pairs - train) * worker


def split(material: Material) -> tuple[list[Pair], list[Pair]]:
    """Two thirds to learn from and a third held out, drawn by hash of each pair."""
    drawn = sorted(material.pairs, key=lambda p: p.subject(material.secret).draw("split", p.key))
    held = len(drawn) // 3
    return drawn[held:], drawn[:held]


def _fate(each: Kept, options: MiningOptions) -> Fate:
    """By its best wording: a rewriting that went wrong doesn't cost it its place."""
    found = each.found if each.best is None else each.best[1]
    return fate_of(found, low=options.low, high=options.high)


def _stands(found: Tally, options: MiningOptions) -> bool:
    return found.accuracy >= options.high and found.coverage >= options.coverage


# --- The manager ----------------------------------------------------------------------------------


def _propose(
    material: Material, train: Sequence[Pair], options: MiningOptions
) -> Talk[list[Kept] | str]:
    parts = _choices(material, train)
    count = str(options.criteria)
    messages = MINE.put(parts, f"{material.secret}:propose", count=count)
    answers = yield [Ask("propose", messages, MINE, bullets(1, 60), seat="manager")]
    told = answers["propose"]
    if not told.is_read:
        return say(
            "The manager's list of criteria could not be read (%(status)s).",
            status=told.status.value,
        )
    texts = _distinct(told.value, ())[: options.criteria]
    return [Kept(f"c{n}", text) for n, text in enumerate(texts, 1)]


def _replace(
    material: Material,
    train: Sequence[Pair],
    pool: Sequence[Kept],
    banned: Sequence[Kept],
    count: int,
    epoch: int,
) -> Talk[list[Kept]]:
    """Others for those that were dropped; none where the list can't be read."""
    if not count:
        return []
    parts = [
        *_choices(material, train),
        Fenced("BANNED", _listed(banned)),
        Fenced("KEPT", _listed(pool) or "none"),
    ]
    key = f"replace-{epoch}"
    messages = MINE_OTHERS.put(parts, f"{material.secret}:{key}", count=str(count))
    answers = yield [Ask(key, messages, MINE_OTHERS, bullets(1, 60), seat="manager")]
    if not answers[key].is_read:
        return []
    known = [each.text for each in (*pool, *banned)]
    texts = _distinct(answers[key].value, known)[:count]
    return [Kept(f"c{epoch + 2}.{n}", text) for n, text in enumerate(texts, 1)]


def _refine(
    material: Material,
    pool: Sequence[Kept],
    train: Sequence[Pair],
    options: MiningOptions,
    epoch: int,
) -> Talk[None]:
    """Critiques of where a middling criterion went wrong, then a new wording from them."""
    pairs = {pair.key: pair for pair in train}
    middling = [each for each in pool if _fate(each, options) is Fate.REFINE]
    asks: list[Ask] = []
    about: dict[str, list[str]] = {}
    for each in middling:
        wrong = [key for key, place in each.votes.items() if place not in (None, pairs[key].winner)]
        for key in wrong[:MOST_CRITIQUES]:
            ask = _critique(material, each, pairs[key], epoch)
            asks.append(ask)
            about.setdefault(each.name, []).append(ask.key)
    answers: Answers = (yield asks) if asks else {}
    rewrites = [
        _rewrite(material, each, [str(answers[key].value) for key in keys if answers[key].is_read],
                 epoch)
        for each in middling
        if (keys := about.get(each.name))
    ]  # fmt: skip
    if not rewrites:
        return
    told = yield rewrites
    for each in middling:
        answer = told.get(f"rewrite-{epoch}/{each.name}")
        if answer is not None and answer.is_read and answer.value[0] != each.text:
            each.text, each.fresh = answer.value[0], True
            each.wordings += 1


def _critique(material: Material, each: Kept, pair: Pair, epoch: int) -> Ask:
    key = f"critique-{epoch}/{each.name}/{pair.key}"
    subject = pair.subject(material.secret)
    parts: list[Part] = [
        subject.asked,
        subject.response(0, "A"),
        subject.response(1, "B"),
        Fenced("CRITERION", each.text),
    ]
    words = {"said": "AB"[1 - pair.winner], "right": "AB"[pair.winner]}
    messages = MINE_CRITIQUE.put(parts, f"{material.secret}:{key}", **words)
    return Ask(key, messages, MINE_CRITIQUE, prose, seat="manager")


def _rewrite(material: Material, each: Kept, critiques: Sequence[str], epoch: int) -> Ask:
    key = f"rewrite-{epoch}/{each.name}"
    parts = [Fenced("CRITERION", each.text), Fenced("CRITIQUES", "\n\n".join(critiques) or "none")]
    messages = MINE_REWRITE.put(parts, f"{material.secret}:{key}")
    return Ask(key, messages, MINE_REWRITE, bullets(1, 5), seat="manager")


def _choices(material: Material, train: Sequence[Pair]) -> list[Part]:
    """Pairs with people's choice, each shown in an order drawn by hash."""
    parts: list[Part] = []
    for number, pair in enumerate(train[:SHOWN_PAIRS], 1):
        subject = pair.subject(material.secret)
        order = (0, 1) if subject.draw("order") < 0.5 else (1, 0)
        parts.append(Fenced(f"PAIR {number} PROMPT", _cut(_last(pair))))
        for letter, place in zip("AB", order, strict=True):
            parts.append(Fenced(f"PAIR {number} RESPONSE {letter}", _cut(pair.texts[place])))
        parts.append(f"People prefer Response {'AB'[order.index(pair.winner)]} of pair {number}.")
    return parts


def _last(pair: Pair) -> str:
    last: Message | None = pair.conversation[-1] if pair.conversation else None
    return last.content if last else ""


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_TEXT else f"{text[:SHOWN_TEXT]} …"


def _listed(some: Sequence[Kept]) -> str:
    return "\n".join(f"- {each.text}" for each in some)


def _distinct(texts: Sequence[str], known: Sequence[str]) -> list[str]:
    seen = {text.casefold().strip(" .") for text in known}
    found: list[str] = []
    for text in texts:
        bare = text.casefold().strip(" .")
        if bare and bare not in seen:
            seen.add(bare)
            found.append(text)
    return found


# --- The workers ----------------------------------------------------------------------------------


def _judge(material: Material, pool: Sequence[Kept], pairs: Sequence[Pair], key: str) -> Talk[None]:
    """Judge the pairs by each criterion whose wording hasn't been tried on them yet."""
    fresh = [each for each in pool if each.fresh]
    subjects = {pair.key: pair.subject(material.secret) for pair in pairs}
    asks = {
        (each.name, pair): _worker(subject, each, key)
        for each in fresh
        for pair, subject in subjects.items()
    }
    answers: Answers = yield [ask for group in asks.values() for ask in group]
    winners = {pair.key: pair.winner for pair in pairs}
    for each in fresh:
        votes: dict[str, int | None] = {}
        unread = 0
        for pair in subjects:
            games = games_of(asks[each.name, pair], answers)
            if isinstance(games, str):
                unread += 1
            else:
                votes[pair] = place_of(games)
        each.votes, each.found, each.fresh = votes, tally(votes, unread, winners), False
        if each.best is None or each.found.accuracy > each.best[1].accuracy:
            each.best = (each.text, each.found)


def _worker(subject: Subject, each: Kept, key: str) -> list[Ask]:
    return [
        ask_pair(
            subject,
            order,
            CRITERION,
            key=f"{key}/{each.name}/{subject.key}/{order.value}",
            before=[Fenced("CRITERION", each.text)],
        )
        for order in BOTH
    ]


def _held_out(
    material: Material,
    final: Sequence[Kept],
    held: Sequence[Pair],
    options: MiningOptions,
    train: int,
    history: Sequence[dict[str, Any]],
    banned: Sequence[Kept],
) -> Talk[Result]:
    """What the criteria that stand are worth on pairs that nobody has shown to the manager."""
    learnt = {each.name: each.found for each in final}
    for each in final:
        each.fresh = True
    if final:
        yield from _judge(material, final, held, "held-out")
    weights = weights_of([learnt[each.name].accuracy for each in final])
    used = weights if options.weighted else [1.0] * len(final)
    right = undecided = 0
    for pair in held:
        place = vote([each.votes.get(pair.key) for each in final], used, margin=options.margin)
        undecided += place is None
        right += place == pair.winner
    return {
        "criteria": [
            {
                "name": each.name,
                "text": each.text,
                "train": _told(learnt[each.name]),
                "held_out": _told(each.found),
                "weight": round(weight, 6),
                "wordings": each.wordings,
            }
            for each, weight in zip(final, weights, strict=True)
        ],
        "held_out": {
            "right": right,
            "undecided": undecided,
            "n": len(held),
            "accuracy": right / len(held) if held else None,
            "interval": wilson(right, len(held)),
            "weighted": options.weighted,
        },
        "train": {
            "n": train,
            "accuracy": fmean(learnt[e.name].accuracy for e in final) if final else None,
        },
        "epochs": list(history),
        "banned": [{"text": each.text, "train": _told(each.found)} for each in banned],
        "cause": "" if final else say("No criterion explained enough of the choices."),
    }


def _told(found: Tally) -> dict[str, Any]:
    return {
        **asdict(found),
        "accuracy": round(found.accuracy, 6),
        "coverage": round(found.coverage, 6),
        "interval": wilson(found.right, found.decided + found.unread),
    }


STUDY = CriteriaMining()
