"""A Language Model Council: members put prompts to each other, answer them and judge the answers.

Nobody judges a pair in which itself or its own family has written. Every pair of answers is judged
in both orders by all others; their majority decides it, and Bradley-Terry ranks the members, with
intervals from resampling prompts.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from annotation.phrases import say
from models_runtime.engines import Message
from models_runtime.judging.councils import (
    affinities,
    agreement_with_majority,
    consistency,
    majority,
    own_kin,
    separability,
    strengths,
)
from models_runtime.judging.mining import wilson
from models_runtime.judging.options import Options, option
from models_runtime.judging.pairs import BOTH, ask_pair, games_of
from models_runtime.judging.reducers import both_orders, game_of
from models_runtime.judging.subject import Subject
from models_runtime.judging.talk import Answers, Ask, Talk
from models_runtime.prompting.pairwise import CRITERION, PAIRWISE_TEMPLATES
from models_runtime.prompting.replies import bullets, prose
from models_runtime.prompting.studies import COUNCIL_ANSWER, COUNCIL_LIST, COUNCIL_PROMPTS
from models_runtime.prompting.templates import Fenced, transcript
from models_runtime.studies import Material, Member, Prompt, Result, Size, Study

REASONED = PAIRWISE_TEMPLATES["reasoned@1"]
RESAMPLES = 200
LOW, HIGH = 0.025, 0.975


@dataclass(frozen=True, kw_only=True)
class CouncilOptions(Options):
    topic: str = option(
        "everyday dilemmas that a person asks advice about", "Topic", "What prompts are about."
    )
    proposed: int = option(
        3, "Prompts of each member", "0: the project's own prompts are answered.", low=0, high=20
    )
    criteria: int = option(
        2, "Criteria of each member", "0: answers are compared as a whole.", low=0, high=5
    )


@dataclass(frozen=True, slots=True)
class Game:
    """One judge on one pair of answers: the sign in each order, + where the first member won."""

    prompt: str
    first: str
    second: str
    judge: str
    orders: tuple[int, int]
    sign: int


class Council(Study):
    title = "Language Model Council"
    summary = "Models put prompts to each other, answer and judge; none judges its own family."
    reference = "Zhao et al. 2024 (Language Model Council)"
    takes = "prompts"
    fewest = 0
    fewest_members = 3
    most = 100
    options_class = CouncilOptions
    templates = (COUNCIL_PROMPTS, COUNCIL_LIST, COUNCIL_ANSWER, CRITERION, REASONED)
    seats = {"judge": "First member"}

    def conduct(self, material: Material, options: CouncilOptions) -> Talk[Result]:
        members = material.members
        prompts, criteria, silent = yield from _agenda(material, options)
        if not prompts:
            return {
                "ranking": [],
                "cause": say("No member's prompts could be read."),
                "silent": silent,
            }
        asks = [_answer(material, member, prompt) for prompt in prompts for member in members]
        answers = yield asks
        texts = {
            (prompt.key, member.seat): str(told.value)
            for prompt in prompts
            for member in members
            if (told := answers[f"answer/{prompt.key}/{member.seat}"]).is_read
        }
        games, unread = yield from _judge(material, prompts, texts, criteria)
        return _result(material, prompts, criteria, texts, games, unread, silent)

    def cost(self, size: Size, options: CouncilOptions) -> tuple[int, int]:
        n = size.members
        prompts = n * options.proposed if options.proposed else size.prompts
        agenda = (n if options.proposed else 0) + (n if options.criteria else 0)
        families = size.families or tuple("" for _ in range(n))
        judged = sum(
            not _is_kin(families[judge], judge, (families[a], families[b]), (a, b))
            for a, b in combinations(range(n), 2)
            for judge in range(n)
        )
        calls = agenda + prompts * (n + 2 * judged)
        return calls, calls

    def check(self, options: CouncilOptions, material: Material) -> None:
        if not options.proposed and not material.prompts:
            raise ValueError("There is no prompt yet. Import some, or let members propose theirs.")
        families = [member.family for member in material.members]
        pairs = list(combinations(range(len(families)), 2))
        judged = [
            any(
                not _is_kin(families[judge], judge, (families[a], families[b]), (a, b))
                for judge in range(len(families))
            )
            for a, b in pairs
        ]
        if not any(judged):
            raise ValueError(
                "Nobody could judge: every member is of the family of one who answers. Choose "
                "models of at least three families."
            )


def _is_kin(family: str, judge: int, families: Sequence[str], pair: tuple[int, int]) -> bool:
    return judge in pair or own_kin(family, families)


# --- Prompts, criteria, answers -------------------------------------------------------------------


def _agenda(
    material: Material, options: CouncilOptions
) -> Talk[tuple[list[Prompt], list[str], list[str]]]:
    """Prompts, criteria, and the members whose lists couldn't be read."""
    topic = Fenced("TOPIC", options.topic)
    asks = [
        ask
        for member in material.members
        for kind, template, count in (
            ("prompts", COUNCIL_PROMPTS, options.proposed),
            ("criteria", COUNCIL_LIST, options.criteria),
        )
        if count
        for ask in [_list(material, member, kind, template, count, topic)]
    ]
    answers: Answers = (yield asks) if asks else {}
    silent = sorted({ask.seat for ask in asks if not answers[ask.key].is_read})
    prompts = list(material.prompts) if not options.proposed else []
    criteria: list[str] = []
    for member in material.members:
        told = answers.get(f"prompts/{member.seat}")
        if told is not None and told.is_read:
            prompts += [
                Prompt(f"{member.seat}-{n}", (Message("user", text),))
                for n, text in enumerate(told.value[: options.proposed], 1)
            ]
        told = answers.get(f"criteria/{member.seat}")
        if told is not None and told.is_read:
            criteria += [text for text in told.value[: options.criteria] if text not in criteria]
    return prompts, criteria, silent


def _list(
    material: Material, member: Member, kind: str, template: Any, count: int, topic: Fenced
) -> Ask:
    key = f"{kind}/{member.seat}"
    messages = template.put([topic], f"{material.secret}:{key}", count=str(count))
    return Ask(key, messages, template, bullets(1, 60), seat=member.seat, temperature=0.7)


def _answer(material: Material, member: Member, prompt: Prompt) -> Ask:
    key = f"answer/{prompt.key}/{member.seat}"
    parts = [Fenced("PROMPT", transcript(prompt.conversation))]
    messages = COUNCIL_ANSWER.put(parts, f"{material.secret}:{key}")
    return Ask(key, messages, COUNCIL_ANSWER, prose, seat=member.seat)


# --- Judging --------------------------------------------------------------------------------------


def _judge(
    material: Material,
    prompts: Sequence[Prompt],
    texts: Mapping[tuple[str, str], str],
    criteria: Sequence[str],
) -> Talk[tuple[list[Game], int]]:
    """Every pair of answers by everybody who may judge it; the games, and how many weren't read."""
    asked: dict[tuple[str, str, str, str], list[Ask]] = {}
    members = list(enumerate(material.members))
    for prompt in prompts:
        for (a, first), (b, second) in combinations(members, 2):
            pair = [texts.get((prompt.key, each.seat)) for each in (first, second)]
            if pair[0] is None or pair[1] is None:
                continue
            for place, judge in members:
                if not _is_kin(judge.family, place, (first.family, second.family), (a, b)):
                    key = f"judge/{prompt.key}/{first.seat}/{second.seat}/{judge.seat}"
                    about = Subject(
                        key, f"{material.secret}:{key}", prompt.conversation,
                        texts=(pair[0], pair[1]),
                    )  # fmt: skip
                    asked[prompt.key, first.seat, second.seat, judge.seat] = [
                        _compare(about, order, judge.seat, criteria) for order in BOTH
                    ]
    answers: Answers = yield [ask for group in asked.values() for ask in group]
    games: list[Game] = []
    unread = 0
    for (prompt_key, one, other, seat), group in asked.items():
        if isinstance(games_of(group, answers), str):
            unread += 1
            continue
        seen = [game_of(ask.order, answers[ask.key]) for ask in group]
        signs = [_sign(game.canonical.number) for game in seen]
        sign = _sign(both_orders(seen).outcome.number)
        games.append(Game(prompt_key, one, other, seat, (signs[0], signs[1]), sign))
    return games, unread


def _compare(about: Subject, order: Any, seat: str, criteria: Sequence[str]) -> Ask:
    key = f"{about.key}/{order.value}"
    if not criteria:
        return ask_pair(about, order, REASONED, key=key, seat=seat)
    listed = "\n".join(f"- {each}" for each in criteria)
    before = [Fenced("CRITERION", f"All of these together:\n{listed}")]
    return ask_pair(about, order, CRITERION, key=key, seat=seat, before=before)


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


# --- Figures --------------------------------------------------------------------------------------


def _result(
    material: Material,
    prompts: Sequence[Prompt],
    criteria: Sequence[str],
    texts: Mapping[tuple[str, str], str],
    games: Sequence[Game],
    unread: int,
    silent: Sequence[str],
) -> Result:
    seats = [member.seat for member in material.members]
    verdicts = decided(games)
    fitted = strengths(verdicts, seats)
    spans = _intervals(games, seats, material.secret)
    named = {member.seat: member for member in material.members}
    judges = {seat: [game for game in games if game.judge == seat] for seat in seats}
    scores = {seat: _shares(rows) for seat, rows in judges.items() if rows}
    liking = affinities(scores) if scores else {}
    agrees = agreement_with_majority(
        {seat: {f"{g.prompt}/{g.first}/{g.second}": g.sign for g in rows}
         for seat, rows in judges.items() if rows}
    )  # fmt: skip
    ranked = sorted(seats, key=lambda seat: (-fitted[seat], seat))
    return {
        "ranking": [
            {
                "seat": seat,
                "name": named[seat].name,
                "family": named[seat].family,
                "strength": round(fitted[seat], 6),
                "interval": [round(end, 6) for end in spans[seat]],
                "answers": sum(key[1] == seat for key in texts),
            }
            for seat in ranked
        ],
        "judges": [
            {
                "seat": seat,
                "name": named[seat].name,
                "pairs": len(rows),
                "consistent": sum(game.orders[0] == game.orders[1] for game in rows),
                "consistency": consistency([game.orders for game in rows]) if rows else None,
                "interval": wilson(sum(g.orders[0] == g.orders[1] for g in rows), len(rows)),
                "agreement": agrees.get(seat),
                "affinity": {other: round(x, 6) for other, x in liking.get(seat, {}).items()},
            }
            for seat, rows in judges.items()
        ],
        "separability": separability([spans[seat] for seat in seats]),
        "pairs": len(verdicts),
        "games": len(games),
        "unread": unread,
        "unjudged": len(prompts) * len(list(combinations(seats, 2))) - len(verdicts),
        "silent": list(silent),
        "criteria": list(criteria),
        "prompts": [
            {
                "key": prompt.key,
                "text": prompt.conversation[-1].content if prompt.conversation else "",
                "answers": {seat: texts[prompt.key, seat] for seat in seats
                            if (prompt.key, seat) in texts},
            }
            for prompt in prompts
        ],
        "cause": "" if verdicts else say("No pair of answers could be judged."),
    }  # fmt: skip


def decided(games: Sequence[Game]) -> list[tuple[str, str, float]]:
    """What the majority of the judges said of each pair of answers, as (first, second, share)."""
    votes: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
    for game in games:
        votes.setdefault((game.prompt, game.first, game.second), []).append((game.sign, 1.0))
    return [(first, second, (majority(cast) + 1) / 2) for (_, first, second), cast in votes.items()]


def _shares(games: Sequence[Game]) -> dict[str, float]:
    """What share of its games each contestant won with one judge, ties half."""
    won: dict[str, list[float]] = {}
    for game in games:
        won.setdefault(game.first, []).append((game.sign + 1) / 2)
        won.setdefault(game.second, []).append((1 - game.sign) / 2)
    return {seat: fmean(results) for seat, results in won.items()}


def _intervals(
    games: Sequence[Game], seats: Sequence[str], secret: str
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of the strengths from resampling prompts; (0, 0) without games."""
    by_prompt: dict[str, list[Game]] = {}
    for game in games:
        by_prompt.setdefault(game.prompt, []).append(game)
    verdicts = {key: decided(rows) for key, rows in by_prompt.items()}
    keys = sorted(verdicts)
    if not keys:
        return dict.fromkeys(seats, (0.0, 0.0))
    rng = random.Random(f"{secret}:council")
    drawn: dict[str, list[float]] = {seat: [] for seat in seats}
    for _ in range(RESAMPLES):
        chosen = [rng.choice(keys) for _ in keys]
        fitted = strengths([game for key in chosen for game in verdicts[key]], seats)
        for seat in seats:
            drawn[seat].append(fitted[seat])
    ends = (round(LOW * (RESAMPLES - 1)), round(HIGH * (RESAMPLES - 1)))
    return {seat: (sorted(x)[ends[0]], sorted(x)[ends[1]]) for seat, x in drawn.items()}


STUDY = Council()
