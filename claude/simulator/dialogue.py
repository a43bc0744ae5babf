"""A conversation between a client and a financial planner, made of phrases that answer each other.

A thread is a question of the planner, the client's answer, the advice, and the step that goes into the plan at the
end. Threads come from the subject of the topic first; doubts of the client are put between them.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from claude.simulator.brief import Brief
from claude.simulator.wording import Words, bank

LENGTHS = (4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 8)  # exchanges, that is 8 to 16 turns
_CLAUSE = re.compile(r"[,;:()\u2013\u2014]| - | who | with | whose ")
_NAMED = re.compile(r"([A-Z][a-z]+)(?: [A-Z][a-z]+)?\s*[,(]\s*\d{2}\b")
Thread = Mapping[str, Any]


@dataclass(frozen=True)
class Dialogue:
    """`turns` alternate, beginning with the user's."""

    title: str
    turns: tuple[str, ...]


def write(brief: Brief, chance: random.Random) -> Dialogue:
    """Always the same for the same brief and the same state of `chance`."""
    return _Writer(brief, chance).write()


def subject_of(brief: Brief) -> Mapping[str, Any]:
    """The subject with the most words in the topic, then in the context; `any` when money is not the matter."""
    subjects = bank()["subjects"]
    weights = {name: _weight(name, brief) for name in subjects}
    best = max(weights, key=lambda name: weights[name])
    chosen: Mapping[str, Any] = subjects[best if weights[best] else "any"]
    return chosen


def feeling_of(word: str) -> Mapping[str, Any]:
    """The emotion's phrases; the ones of `unsure` for a word that is not known."""
    emotions = bank()["emotions"]
    for feeling in emotions.values():
        if any(stem in word for stem in feeling["words"]):
            known: Mapping[str, Any] = feeling
            return known
    unsure: Mapping[str, Any] = emotions["unsure"]
    return unsure


@cache
def _stems(name: str) -> re.Pattern[str]:
    words = bank()["subjects"][name]["words"]
    return re.compile(r"\b(?:" + "|".join(map(re.escape, words)) + ")") if words else re.compile(r"(?!)")


def _fit(words: Sequence[str], brief: Brief) -> int:
    told = ((3, brief.topic), (2, brief.expected), (1, brief.context[:3000]))
    return sum(weight for weight, text in told for word in words if re.search(rf"\b{word}", text.lower()))


def _weight(name: str, brief: Brief) -> int:
    stems = _stems(name)
    in_topic = len(set(stems.findall(brief.topic.lower())))
    return 10 * in_topic + len(set(stems.findall(brief.context[:2000].lower())))


class _Writer:
    def __init__(self, brief: Brief, chance: random.Random):
        slots = {"topic": _inside(brief.topic), "emotion": brief.arc[0]}
        slots |= {"age": brief.age} if brief.age else {}
        self.brief = brief
        self.chance = chance
        self.words = Words(chance, currency=brief.currency, **slots)
        self.exchanges = chance.choice(LENGTHS)
        self.turns: list[str] = []
        self.steps: list[str] = []

    def write(self) -> Dialogue:
        title = self._title()
        beats = self._beats()
        self._open(beats[0])
        for number, beat in enumerate(beats):
            self._middle(beat, beats[number + 1] if number + 1 < len(beats) else None)
        self._plan()
        self._close()
        return Dialogue(title, tuple(self.turns))

    def _beats(self) -> list[Thread]:
        """What the middle talks about: threads, one or two doubts, and the limit that an edge case is about."""
        room = self.exchanges - 3
        doubts = self.chance.sample(bank()["doubts"], 1 if room < 4 else 2)
        limits = self._limits()
        threads = self._threads(max(1, room - len(doubts) - len(limits)))
        beats = [threads[0], *limits, *threads[1:]]
        for doubt in doubts[: max(0, room - len(beats))]:
            beats.insert(self.chance.randint(1, len(beats)), doubt)
        return beats

    def _threads(self, wanted: int) -> list[Thread]:
        subject = subject_of(self.brief)
        own = self.chance.sample(subject["threads"], len(subject["threads"]))
        more = self.chance.sample(bank()["subjects"][subject["then"]]["threads"], 3)
        share = max(1, round(wanted * 0.7))
        return [*own[:share], *more, *own[share:]][:wanted]

    def _limits(self) -> list[Thread]:
        """The one limit that fits an edge case best; ordinary prompts, which expect nothing special, have none."""
        if not self.brief.expected:
            return []
        best = max(bank()["limits"], key=lambda limit: _fit(limit["words"], self.brief))
        return [best] if _fit(best["words"], self.brief) > 1 else []

    def _title(self) -> str:
        title = self.words.pick(bank()["titles"])
        return title[0].upper() + title[1:]

    def _feeling(self) -> Mapping[str, Any]:
        """The emotion of this moment; an arc of one emotion ends in relief."""
        arc = self.brief.arc if len(self.brief.arc) > 1 else (*self.brief.arc, "cautiously hopeful")
        done = len(self.turns) / (2 * self.exchanges)
        return feeling_of(arc[min(len(arc) - 1, int(done * len(arc)))])

    def _open(self, first: Thread) -> None:
        parts = [self.words.pick(bank()["openings"]), self.words.pick(self._feeling()["user"])]
        who = self._persona()
        if who:
            parts.insert(self.chance.randint(0, 1), who)
        if self.brief.money:
            self.words.fill("quoted", self.chance.choice(self.brief.money))
            parts.append(self.words.pick(bank()["quoting"]))
        welcome = self.words.pick(self._feeling()["ack"])
        frame = self.words.pick(bank()["frames"])
        self._say(parts, [welcome, frame, self._lead(first)])

    def _persona(self) -> str:
        named = _NAMED.match(self.brief.persona)
        if named:
            return self.words.say(
                f"My name is {named[1]}[, by the way| and I have not talked to anyone about it]."
            )
        core = _CLAUSE.split(self.brief.persona)[0].strip()
        if not core or len(core) > 45:
            return ""
        self.words.fill("persona", _with_article(core))
        return self.words.pick(bank()["personas"])

    def _middle(self, beat: Thread, following: Thread | None) -> None:
        user = [self.words.pick(beat["answer"])]
        if self.chance.random() < 0.55:
            user.insert(self.chance.randint(0, 1), self.words.pick(self._feeling()["user"]))
        reply = [self.words.pick(beat["advise"])]
        if self.chance.random() < 0.5:
            reply.insert(0, self.words.pick(self._feeling()["ack"]))
        reply.append(self._lead(following))
        if "step" in beat:
            self.steps.append(self.words.pick(beat["step"]))
        self._say(user, reply)

    def _lead(self, following: Thread | None) -> str:
        """The end of a planner's turn: the question that the next beat answers."""
        if following is None:
            return self.words.pick(bank()["handovers"])
        return self.words.pick(following.get("ask") or bank()["invitations"])

    def _plan(self) -> None:
        user = [self.words.pick(bank()["requests"])]
        if self.chance.random() < 0.4:
            user.append(self.words.pick(self._feeling()["user"]))
        more = self.chance.sample(bank()["steps"], 3)
        steps = [*self.steps[:4], *map(self.words.say, more)][: max(3, min(4, len(self.steps)))]
        self._say(
            user, [self.words.pick(bank()["plans"]), self._listed(steps), self.words.pick(bank()["checks"])]
        )

    def _listed(self, steps: Sequence[str]) -> str:
        names = self.chance.choice(bank()["ordinals"])
        return " ".join(f"{name} {step}" for name, step in zip(names, steps, strict=False))

    def _close(self) -> None:
        last = self._feeling()
        thanks = [self.words.pick(bank()["thanks"]), self.words.pick(last["user"])]
        self._say(thanks, [self.words.pick(last["ack"]), self.words.pick(bank()["farewells"])])

    def _say(self, user: Sequence[str], assistant: Sequence[str]) -> None:
        self.turns += [" ".join(filter(None, user)), " ".join(filter(None, assistant))]


def _inside(topic: str) -> str:
    """The topic as it stands inside a sentence: a plain first word loses its capital."""
    first = topic.split(" ", 1)[0]
    plain = first[1:].islower() or len(first) == 1
    return topic[0].lower() + topic[1:] if plain and first != "I" else topic


def _with_article(core: str) -> str:
    words = [word if word.isupper() else word.lower() for word in core.split()]
    if words[0] in ("a", "an", "the", "two", "my"):
        return " ".join(words)
    return ("an " if words[0][0] in "aeiou" else "a ") + " ".join(words)
