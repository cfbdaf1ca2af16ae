"""Better and worse answers made by a loop (Anyprefer).

The target model writes several answers; a judge ranks them beside what tools found about each; a
reward model rates the pair of the best and the worst. Below the threshold the advice to both is
rewritten from its feedback, and the round is made again, three times at most. Every tool's output
is kept with the pair.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.phrases import say
from models_runtime.judging.options import OptionRefused, Options, option
from models_runtime.judging.talk import Answers, Ask, Talk, together
from models_runtime.prompting.replies import number, prose, scores
from models_runtime.prompting.studies import LOOP_ADVISE, LOOP_ANSWER, LOOP_RANK, LOOP_RATE
from models_runtime.prompting.templates import Fenced, Part, transcript
from models_runtime.studies import Material, Prompt, Result, Size, Study
from models_runtime.studies._tools import TOOLS

LETTERS = "ABCDEFGH"
LOW, HIGH = 1, 10


@dataclass(frozen=True, kw_only=True)
class LoopOptions(Options):
    prompts: int = option(10, "Prompts", "The project's first ones.", low=1, high=200)
    answers: int = option(4, "Answers", "Of each prompt and round.", low=2, high=8)
    rounds: int = option(3, "Rounds", "Until a pair is good enough.", low=1, high=5)
    threshold: float = option(
        7.0, "Good enough from", "The pair's rating, 1 to 10.", low=1, high=10
    )
    tools: str = option("calculator, counter, retrieval", "Tools", f"Of: {', '.join(TOOLS)}.")
    temperature: float = option(0.9, "Temperature", "Of the answers.", low=0, high=2)

    def chosen(self) -> list[str]:
        """The tools by name. Raises OptionRefused for an unknown one."""
        names = [name.strip() for name in self.tools.split(",") if name.strip()]
        unknown = [name for name in names if name not in TOOLS]
        if unknown:
            raise OptionRefused(
                "tools",
                say(
                    "There is no tool “%(unknown)s”: %(names)s.",
                    unknown=unknown[0],
                    names=", ".join(TOOLS),
                ),
            )
        return names


class PreferenceLoop(Study):
    title = "Pairs by a loop with tools"
    summary = "A model's answers, ranked beside what tools find, until the pair is a good example."
    reference = "Zhou et al. 2025 (Anyprefer)"
    takes = "prompts"
    options_class = LoopOptions
    templates = (LOOP_ANSWER, LOOP_RANK, LOOP_RATE, LOOP_ADVISE)
    seats = {
        "judge": "The judge that ranks",
        "target": "The model that answers",
        "reward": "The model that rates pairs",
    }

    def conduct(self, material: Material, options: LoopOptions) -> Talk[Result]:
        prompts = material.prompts[: options.prompts]
        made = yield from together([_loop(material, each, options) for each in prompts])
        good = [each for each in made if each["reward"] is not None]
        return {
            "pairs": made,
            "good": sum(each["reward"] >= options.threshold for each in good),
            "n": len(made),
            "tools": options.chosen(),
            "cause": "" if good else "No pair could be made: its answers or scores weren't read.",
        }

    def cost(self, size: Size, options: LoopOptions) -> tuple[int, int]:
        prompts = min(size.prompts, options.prompts)
        a_round = options.answers + 2
        return prompts * options.answers, prompts * (
            options.rounds * a_round + 2 * (options.rounds - 1)
        )

    def check(self, options: LoopOptions, material: Material) -> None:
        options.chosen()


def _loop(material: Material, prompt: Prompt, options: LoopOptions) -> Talk[dict[str, Any]]:
    """A prompt's rounds; the pair that was rated best."""
    advice = {"target": "", "judge": ""}
    best: dict[str, Any] = {
        "prompt": prompt.key, "chosen": "", "rejected": "", "reward": None, "round": None,
        "rounds": [],
    }  # fmt: skip
    for turn in range(options.rounds):
        told = yield from _round(material, prompt, options, turn, advice)
        best["rounds"].append(told)
        if told["reward"] is not None and (
            best["reward"] is None or told["reward"] > best["reward"]
        ):
            best |= {name: told[name] for name in ("chosen", "rejected", "reward")}
            best["round"] = turn + 1
        if told["reward"] is not None and told["reward"] >= options.threshold:
            break
        if turn < options.rounds - 1 and told["feedback"]:
            advice = yield from _advise(material, prompt, turn, told, advice)
    return best


def _round(
    material: Material,
    prompt: Prompt,
    options: LoopOptions,
    turn: int,
    advice: Mapping[str, str],
) -> Talk[dict[str, Any]]:
    """Answers, what tools found, their scores, and the pair's rating."""
    key = f"{prompt.key}/{turn}"
    asked = Fenced("CONVERSATION", transcript(prompt.conversation))
    told: dict[str, Any] = {
        "answers": [], "tools": [], "scores": None, "reward": None, "feedback": "",
        "advice": dict(advice), "chosen": "", "rejected": "",
    }  # fmt: skip
    asks = [_answer(material, asked, f"{key}/{n}", advice, options) for n in range(options.answers)]
    answers = yield asks
    texts = list(dict.fromkeys(str(answers[a.key].value) for a in asks if answers[a.key].is_read))
    told["answers"] = texts
    if len(texts) < 2:
        return told
    found = [_looked_up(prompt, text, options.chosen()) for text in texts]
    told["tools"] = found
    told["scores"] = yield from _ranked(material, asked, texts, found, key, advice)
    if told["scores"] is None or len(set(told["scores"])) == 1:
        return told
    order = sorted(range(len(texts)), key=lambda n: (-told["scores"][n], n))
    told["chosen"], told["rejected"] = texts[order[0]], texts[order[-1]]
    rated = yield from _rated(material, asked, told["chosen"], told["rejected"], key)
    told["reward"], told["feedback"] = rated
    return told


def _answer(
    material: Material, asked: Fenced, key: str, advice: Mapping[str, str], options: LoopOptions
) -> Ask:
    name = f"answer/{key}"
    parts = [asked, *_advice(advice["target"])]
    messages = LOOP_ANSWER.put(parts, f"{material.secret}:{name}")
    return Ask(name, messages, LOOP_ANSWER, prose, seat="target", temperature=options.temperature)


def _advice(words: str) -> list[Part]:
    return [Fenced("ADVICE", words)] if words else []


def _looked_up(prompt: Prompt, text: str, tools: Sequence[str]) -> dict[str, str]:
    """What each tool found about a text; tools that found nothing are left out."""
    last = prompt.conversation[-1].content if prompt.conversation else ""
    said = {name: TOOLS[name](last, text, prompt.references) for name in tools}
    return {name: words for name, words in said.items() if words}


def _ranked(
    material: Material,
    asked: Fenced,
    texts: Sequence[str],
    found: Sequence[Mapping[str, str]],
    key: str,
    advice: Mapping[str, str],
) -> Talk[list[float] | None]:
    parts: list[Part] = [asked, *_advice(advice["judge"])]
    for letter, text, said in zip(LETTERS, texts, found, strict=False):
        parts.append(Fenced(f"RESPONSE {letter}", text))
        listed = "\n".join(f"{name}: {words}" for name, words in said.items())
        parts.append(Fenced(f"FOUND BY TOOLS {letter}", listed or "nothing"))
    name = f"rank/{key}"
    messages = LOOP_RANK.put(parts, f"{material.secret}:{name}")
    answers = yield [Ask(name, messages, LOOP_RANK, scores(len(texts), LOW, HIGH))]
    return list(answers[name].value) if answers[name].is_read else None


def _rated(
    material: Material, asked: Fenced, better: str, worse: str, key: str
) -> Talk[tuple[float | None, str]]:
    name = f"reward/{key}"
    parts = [asked, Fenced("RESPONSE", better), Fenced("WORSE RESPONSE", worse)]
    messages = LOOP_RATE.put(parts, f"{material.secret}:{name}")
    answers = yield [Ask(name, messages, LOOP_RATE, number(LOW, HIGH), seat="reward")]
    told = answers[name]
    if not told.is_read:
        return None, ""
    return float(told.value), told.text.rpartition("Rating:")[0].strip() or told.text.strip()


def _advise(
    material: Material,
    prompt: Prompt,
    turn: int,
    told: Mapping[str, Any],
    advice: Mapping[str, str],
) -> Talk[dict[str, str]]:
    """New advice to the target and to the judge from the feedback; the old where unread."""
    asked = Fenced("CONVERSATION", transcript(prompt.conversation))
    whom = {"target": "the model that answers", "judge": "the judge that ranks the answers"}
    asks = {
        who: _new_advice(material, asked, f"{prompt.key}/{turn}/{who}", words, told)
        for who, words in whom.items()
    }
    answers: Answers = yield list(asks.values())
    return {
        who: str(answers[ask.key].value) if answers[ask.key].is_read else advice[who]
        for who, ask in asks.items()
    }


def _new_advice(
    material: Material, asked: Fenced, key: str, whom: str, told: Mapping[str, Any]
) -> Ask:
    name = f"advise/{key}"
    parts = [
        asked,
        Fenced("BETTER RESPONSE", told["chosen"]),
        Fenced("WORSE RESPONSE", told["rejected"]),
        Fenced("FEEDBACK", told["feedback"]),
    ]
    messages = LOOP_ADVISE.put(parts, f"{material.secret}:{name}", whom=whom)
    return Ask(name, messages, LOOP_ADVISE, prose, seat="reward")


STUDY = PreferenceLoop()
