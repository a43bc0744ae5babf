"""What a prompt asks to be written about. The simulator does not know the templates, so it reads the prompt loosely."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from claude.simulator.replies import facts

_LINE = re.compile(r"^[ \t>*#-]*([A-Za-z][A-Za-z ()/-]{2,40}?)[ \t*]*:[ \t*]*(\S.*)$", re.MULTILINE)
_MONEY = re.compile(r"[$£€]\s?\d[\d,]*(?:\.\d+)?(?:k\b|K\b|\s?million)?")
_ARC = re.compile(r"\s*(?:->|→|=>|>|;|,|\bthen\b|\bto\b|\binto\b|\bthrough\b|\bvia\b)\s*", re.IGNORECASE)
_AGE = re.compile(r"\b([2-8]\d)[- ]year|\baged? ([2-8]\d)\b|,\s*([2-8]\d)\b|\b(?:is|are) ([2-8]\d)\b")
_REWRITES = re.compile(
    r"\b(?:has|have|had) been written before\b|\bnew version of this conversation\b", re.IGNORECASE
)
_UNWANTED = re.compile(r"[{}<>\x00-\x1f\x7f]|\*\*")
_DULL = re.compile(
    "about|above|after|again|along|answer|array|assistant|before|being|between|below|content|conversation|could|"
    "dialogue|each|every|exactly|first|follow|format|generate|given|keep|language|least|messages|object|other|"
    "output|persona|please|prompt|realistic|reply|return|roles|should|start|their|there|these|thing|think|title|"
    "turns|under|using|value|where|which|while|with|words|would|write|written"
)
NAMES = {
    "persona": ("persona", "client", "user persona", "character"),
    "emotion": ("emotion", "starting emotion", "emotional state", "mood"),
    "arc": ("emotional arc", "arc"),
    "topic": ("topic", "subject", "theme"),
    "context": ("context", "situation", "background", "scenario"),
    "expected": ("expected behaviour", "expected behavior", "boundary", "expected"),
}
TOPIC_LENGTH = 90


@dataclass(frozen=True, kw_only=True)
class Brief:
    """The parts of a prompt that decide the conversation. `arc`: its emotions in order, at least one. `rewrites`: it asks for another version."""

    persona: str
    topic: str
    arc: tuple[str, ...]
    context: str
    expected: str
    told: str
    amounts: Mapping[str, int]
    money: tuple[str, ...]
    age: str
    currency: str
    wants_json: bool
    rewrites: bool


def read(prompt: str) -> Brief:
    """The brief in a prompt. It never fails: missing parts are made from other words of the prompt."""
    lines = {name.strip().lower(): value.strip() for name, value in reversed(_LINE.findall(prompt[:60_000]))}
    found = {part: _first(lines, names) for part, names in NAMES.items()}
    story = " ".join((found["persona"], found["topic"], found["context"]))
    return Brief(
        persona=clean(found["persona"], 60),
        topic=_topic(found["topic"], prompt),
        arc=_arc(found["arc"], found["emotion"]),
        context=found["context"],
        expected=found["expected"],
        told=clean(facts.first_person(found["context"]), 300),
        amounts=facts.amounts(found["context"]),
        money=tuple(dict.fromkeys(amount.rstrip(",") for amount in _MONEY.findall(story)))[:3],
        age=_age(story),
        currency=_currency(story),
        wants_json="json" in prompt.lower(),
        rewrites=bool(_REWRITES.search(prompt)),
    )


def clean(value: str, length: int) -> str:
    """The value as one line without braces, tags and control characters, cut after a word."""
    value = " ".join(_UNWANTED.sub(" ", value[: length * 4]).split()).strip(" .,;:\"'")
    if len(value) <= length:
        return value
    return value[:length].rsplit(" ", 1)[0].rstrip(" .,;:\"'-")


def _first(lines: dict[str, str], names: tuple[str, ...]) -> str:
    return next((lines[name] for name in names if name in lines), "")


def _topic(topic: str, prompt: str) -> str:
    topic = clean(topic, TOPIC_LENGTH)
    if topic:
        return topic
    words = re.findall(r"[a-z]{5,}", prompt[:20_000].lower())
    common = [word for word, _ in Counter(word for word in words if not _DULL.fullmatch(word)).most_common(2)]
    return " and ".join(common) or "what to do next"


def _arc(arc: str, emotion: str) -> tuple[str, ...]:
    steps = [clean(step, 30).lower() for step in _ARC.split(arc[:400])]
    known = [step for step in steps if step and len(step.split()) <= 4][:6]
    if known:
        return tuple(known)
    return (clean(emotion, 30).lower() or "unsure",)


def _age(story: str) -> str:
    match = _AGE.search(story)
    return next(group for group in match.groups() if group) if match else ""


def _currency(story: str) -> str:
    counts = Counter(letter for letter in story if letter in "$£€")
    return counts.most_common(1)[0][0] if counts else "$"
