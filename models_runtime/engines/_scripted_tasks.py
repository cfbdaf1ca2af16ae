"""What the scripted engine answers when it is asked for something else than a comparison.

The task is named on a prompt's first line (“Task: rate.”), the material stands in fences. Answers
follow from the planted qualities of the material, so that whatever reads them can be tested.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from models_runtime.engines import Conversation

_TASK = re.compile(r"\ATask: ([a-z ]+)\.")
_FENCE = re.compile(r"^<<<([A-Z0-9 ]+) ([0-9a-f]{6,64})>>>$", re.MULTILINE)
_SCALE = re.compile(r"from (-?[\d.]+) to (-?[\d.]+)")
_NUMBERED = re.compile(r"^(\d+)\. (.*)$", re.MULTILINE)

CONCERNS = (
    "Does the response answer what was asked?",
    "Does the response name something the person can do next?",
    "Is the tone of the response respectful?",
    "Does the response mention what speaks against its advice?",
    "Is the response free of claims it can't know?",
)
CRITERIA = (
    "The better response answers what was asked.",
    "The better response names something the person can do next.",
    "The better response is kinder in tone.",
    "The better response says what speaks against its advice.",
    "The better response claims nothing it can't know.",
    "The better response keeps to one thought at a time.",
    "The better response fits the person's own words.",
    "The better response is easier to act on today.",
)
DILEMMAS = (
    "My neighbour's dog barks all night and the owner shrugs. What do I do?",
    "I broke a friend's vase and nobody saw it. Should I tell?",
    "My colleague takes credit for my work in front of our manager. How do I respond?",
    "My parents want to move in with us and my partner does not. What now?",
    "I found more money in my account than I am owed. What should I do?",
    "My flatmate never cleans. How do I bring it up without a quarrel?",
    "I was invited to two weddings on the same day. How do I choose?",
    "A friend asks me for a loan that I would rather not give. What do I say?",
    "My son lies about his marks. How should I talk to him?",
    "I no longer want the job I have just accepted. What is fair?",
)
PEOPLE = (
    "Mara | rents, little money | fairness and plain words",
    "Jonas | law and contracts | exactness",
    "Edith | raised four children | kindness",
    "Tariq | works nights | short answers",
    "Ingrid | runs a small shop | thrift",
    "Pavel | new in the country | patience",
)


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked: its name, the fenced material by label in order, and the words after it."""

    name: str
    material: Mapping[str, str]
    body: str

    def of(self, *labels: str) -> str:
        return next((self.material[label] for label in labels if label in self.material), "")

    def numbered(self, label: str) -> list[str]:
        return [text for _, text in _NUMBERED.findall(self.of(label))]


def read_task(messages: Conversation) -> Task | None:
    """The task of a prompt that names one, None where it doesn't."""
    asked = next((m.content for m in messages if m.role == "user"), "")
    named = _TASK.match(asked)
    first = _FENCE.search(asked)
    if named is None or first is None:
        return None
    nonce = first[2]
    material: dict[str, str] = {}
    for label, other in _FENCE.findall(asked):
        if other == nonce and not label.startswith("END "):
            after = asked.partition(f"<<<{label} {nonce}>>>\n")[2]
            material[label] = after.partition(f"\n<<<END {label} {nonce}>>>")[0]
    return Task(named.group(1), material, asked.rpartition(">>>")[2] or asked)


@dataclass(frozen=True, slots=True)
class Judge:
    """How this model sees texts: `merit` is the log-odds that a text is good on some aspect, with
    the model's biases; `pick` draws one of several by hash; `write` is a response."""

    merit: Callable[..., float]
    pick: Callable[..., str]
    write: Callable[[Iterable[object]], str]


def words_for(task: Task, judge: Judge) -> str:
    """What the model writes for a task."""
    return _WRITERS.get(task.name, _free)(task, judge)


def shares_for(task: Task, labels: tuple[str, ...], judge: Judge) -> dict[str, float] | None:
    """Label probabilities for a task, None where the labels are none it knows."""
    if {"Yes", "No"} <= set(labels) or {"True", "False"} <= set(labels):
        good, bad = labels[0], labels[1]
        p = _sigmoid(judge.merit(_subject(task), task.of("REQUIREMENT")))
        return dict.fromkeys(labels, 0.0) | {good: p, bad: 1 - p}
    if all(label.isdigit() for label in labels):
        low, high = int(labels[0]), int(labels[-1])
        aim = low + (high - low) * _sigmoid(judge.merit(_subject(task), task.of("CRITERION")))
        weights = {label: math.exp(-((int(label) - aim) ** 2)) for label in labels}
        total = sum(weights.values())
        return {label: weight / total for label, weight in weights.items()}
    return None


def _subject(task: Task) -> str:
    return task.of("RESPONSE", "SOLUTION", "POSSIBLE ANSWER", "TEXT")


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, x))))


def _rate(task: Task, judge: Judge) -> str:
    scale = _SCALE.search(task.body)
    low, high = (float(scale[1]), float(scale[2])) if scale else (1.0, 10.0)
    merit = judge.merit(_subject(task), task.of("CRITERION", "CHECKLIST"))
    value = round(low + (high - low) * _sigmoid(merit))
    return f"It does this to some degree.\nRating: [[{value}]]"


def _check(task: Task, judge: Judge) -> str:
    good = judge.merit(_subject(task), task.of("REQUIREMENT")) > 0
    reason = "It does." if good else "I don't find this in it."
    return f"{reason}\nAnswer: [[{'yes' if good else 'no'}]]"


def _check_all(task: Task, judge: Judge) -> str:
    return "\n".join(
        f"{n}. seen [[{'yes' if judge.merit(_subject(task), item) > 0 else 'no'}]]"
        for n, item in enumerate(task.numbered("CHECKLIST"), 1)
    )


def _check_claims(task: Task, judge: Judge) -> str:
    text = task.of("CRITIQUE", "REFERENCE CRITIQUE")
    return "\n".join(
        f"{n}. [[{'yes' if _shares_words(claim, text) else 'no'}]]"
        for n, claim in enumerate(task.numbered("CLAIMS"), 1)
    )


def _shares_words(claim: str, text: str) -> bool:
    wanted = set(re.findall(r"\w{4,}", claim.lower()))
    return bool(wanted) and len(wanted & set(re.findall(r"\w{4,}", text.lower()))) >= (
        0.8 * len(wanted)
    )


def _claims(task: Task, judge: Judge) -> str:
    sentences = re.split(r"(?<=[.!?])\s+", task.of("CRITIQUE").strip())
    return "\n".join(f"- {sentence}" for sentence in sentences if sentence)


def _list(task: Task, judge: Judge) -> str:
    chosen = sorted(CONCERNS, key=lambda each: judge.pick(("0", "1", "2"), each, task.body))
    return "\n".join(f"- {concern}" for concern in chosen[:4])


def _scores(task: Task, judge: Judge) -> str:
    responses = [text for label, text in task.material.items() if label.startswith("RESPONSE ")]
    values = [round(1 + 9 * _sigmoid(judge.merit(text, "principles"))) for text in responses]
    return (
        "Principles: usefulness 60 %, care 40 %.\nEach is weighed by them.\n"
        f"Scores: {json.dumps([values])[1:-1].replace('[', '[[').replace(']', ']]')}"
    )


def _verify(task: Task, judge: Judge) -> str:
    right = judge.merit(task.of("SOLUTION"), "verify") > 0
    return f"I go through it.\nVerdict: [[{'correct' if right else 'incorrect'}]]"


def _debate(task: Task, judge: Judge) -> str:
    side = task.body.rpartition("Response ")[2][:1]
    words = task.of(f"RESPONSE {side}").split()
    quote = " ".join(words[:6])
    return f"Response {side} says “{quote}”: <quote>{quote}</quote>. That is what counts."


def _criticise(task: Task, judge: Judge) -> str:
    good = judge.merit(task.of("RESPONSE"), "critique") > 0
    return (
        "It answers the question. It names a next step."
        if good
        else "It doesn't answer the question. It stays general."
    )


def _people(task: Task, judge: Judge) -> str:
    asked = re.search(r"Propose (\d+)", task.body)
    count = int(asked[1]) if asked else 3
    return "\n".join(f"- {line}" for line in PEOPLE[:count])


def _consequence(task: Task, judge: Judge) -> str:
    good = judge.merit(task.of("RESPONSE"), "consequence") > 0
    return "They talk it over and it works out." if good else "It gets worse and they regret it."


def _concept(task: Task, judge: Judge) -> str:
    plant = re.search(r"⟦[^⟧]*⟧", task.of("TEXT"))
    return f"The text has some of it. {plant.group() if plant else task.of('TEXT')[:120]}"


def _refine(task: Task, judge: Judge) -> str:
    return judge.write((task.of("RESPONSE"), task.of("FOUND LACKING")))


SUBJECTS = ("a loud neighbour", "a late rent", "a broken bike", "a lost parcel", "an old cat")
CASES = ("in winter", "without money", "on a Sunday", "with small children", "after a quarrel")
PLEAS = ("What would you do about", "How do I deal with", "Who helps me with", "Must I put up with")
_ASKED_FOR = re.compile(r"Write (\d+) more")
_SUM = re.compile(r"\b(\d{1,6}) ?([+*×-]) ?(\d{1,6})\b")


def _prompts(task: Task, judge: Judge) -> str:
    """New requests like those shown: sums where sums are shown, else advice. Some repeat."""
    wanted = _ASKED_FOR.search(task.body)
    count = int(wanted[1]) if wanted else 4
    sums = bool(_SUM.search(task.of("REQUESTS")))
    lines = []
    for n in range(1, count + 1):
        if sums:
            digits = [judge.pick(tuple("3456789"), "digit", n, place) for place in range(4)]
            text = f"What is {digits[0]}{digits[1]} + {digits[2]}{digits[3]}?"
        else:
            text = (
                f"{judge.pick(PLEAS, 'plea', n)} {judge.pick(SUBJECTS, 'subject', n)} "
                f"{judge.pick(CASES, 'case', n)}?"
            )
        lines.append(f"{n}. {text}")
    return "\n".join(lines)


def _rate_prompt(task: Task, judge: Judge) -> str:
    value = round(1 + 9 * _sigmoid(1 + judge.merit(task.of("REQUEST"), "prompt")))
    return f"It can be understood.\nRating: [[{value}]]"


def _paraphrase(task: Task, judge: Judge) -> str:
    """The request turned round, its words and numbers kept."""
    text = task.of("REQUEST").rstrip("?.! ")
    opening = judge.pick(("Please tell me", "I should like to know", "Can you say"), "opening")
    return f"{opening}, in a few words and as exactly as you can: {text[:1].lower()}{text[1:]}?"


def _same_request(task: Task, judge: Judge) -> str:
    """The same where the second has all numbers and most long words of the first."""
    first, second = task.of("FIRST REQUEST"), task.of("SECOND REQUEST")
    numbers = [set(re.findall(r"\d+", text)) for text in (first, second)]
    same = numbers[0] == numbers[1] and (
        _shares_words(first, second) or not re.findall(r"\w{4,}", first)
    )
    return f"I compare them.\nAnswer: [[{'yes' if same else 'no'}]]"


def _most_consistent(task: Task, judge: Judge) -> str:
    """The response with most words in common with the others, the earliest of equals."""
    texts = [text for label, text in task.material.items() if label.startswith("RESPONSE ")]
    words = [set(re.findall(r"\w+", text.lower())) for text in texts]
    shared = [sum(len(mine & other) for other in words) - len(mine) for mine in words]
    return f"I compare them.\nRating: [[{1 + shared.index(max(shared))}]]"


def _differently(task: Task, judge: Judge) -> str:
    return judge.write((task.of("CONVERSATION"), *sorted(task.material.values())))


def sum_in(text: str) -> int | None:
    """What a sum in a text comes to, None if there is none."""
    found = _SUM.search(text)
    if found is None:
        return None
    a, b = int(found[1]), int(found[3])
    return {"+": a + b, "-": a - b}.get(found[2], a * b)


def _hidden_number(task: Task, judge: Judge) -> str:
    """The number that makes a sum with X in it right; one drawn by hash where there is none."""
    found = re.search(r"\b(\d{1,6}|X) ?([+*×-]) ?(\d{1,6}|X)\b", task.of("QUESTION"))
    answer = re.search(r"-?\d+", task.of("ANSWER"))
    if found is None or answer is None:
        return f"I guess.\nAnswer: {judge.pick(tuple('0123456789'), 'hidden')}"
    total, first, sign, second = int(answer[0]), found[1], found[2], found[3]
    known = int(second if first == "X" else first)
    if sign == "+":
        x = total - known
    elif sign == "-":
        x = total + known if first == "X" else known - total
    else:
        x = total // known if known else 0
    return f"I turn the sum round.\nAnswer: {x}"


def _criteria(task: Task, judge: Judge) -> str:
    banned = task.of("BANNED")
    asked = re.search(r"Propose (\d+)", task.body)
    count = int(asked[1]) if asked else 3
    fit = [each for each in CRITERIA if each not in banned and each not in task.of("KEPT")]
    chosen = sorted(fit, key=lambda each: judge.pick(("0", "1", "2"), each, "criteria"))
    return "\n".join(f"- {each}" for each in chosen[:count])


def _rewritten(task: Task, judge: Judge) -> str:
    return f"- {task.of('CRITERION').rstrip('.')}, in so many words."


def _dilemmas(task: Task, judge: Judge) -> str:
    asked = re.search(r"Write (\d+)", task.body)
    count = int(asked[1]) if asked else 3
    drawn = sorted(DILEMMAS, key=lambda each: judge.pick(tuple("0123456789"), each, "prompts"))
    return "\n".join(f"- {each}" for each in drawn[:count])


def _answered(task: Task, judge: Judge) -> str:
    return judge.write((task.of("PROMPT", "CONVERSATION"), task.of("ADVICE")))


def _advised(task: Task, judge: Judge) -> str:
    return "Say first what to do next, then why."


def _free(task: Task, judge: Judge) -> str:
    return "I have read it."


_WRITERS: dict[str, Callable[[Task, Judge], str]] = {
    "rate": _rate,
    "check": _check,
    "check all": _check_all,
    "check claims": _check_claims,
    "list claims": _claims,
    "write a checklist": _list,
    "score by principles": _scores,
    "verify": _verify,
    "debate": _debate,
    "criticise": _criticise,
    "propose people": _people,
    "imagine what follows": _consequence,
    "answer about a text": _concept,
    "refine": _refine,
    "aggregate": _differently,
    "name the most consistent": _most_consistent,
    "write prompts": _prompts,
    "rate a prompt": _rate_prompt,
    "paraphrase": _paraphrase,
    "same request": _same_request,
    "answer differently": _differently,
    "find the hidden number": _hidden_number,
    "propose criteria": _criteria,
    "criticise a criterion": _free,
    "rewrite a criterion": _rewritten,
    "propose prompts": _dilemmas,
    "answer": _answered,
    "advise": _advised,
}
