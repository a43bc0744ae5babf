"""A conversation between a client and a financial planner, made of phrases that answer each other.

A thread is a question of the planner, the client's answer, the advice, and a step of the plan at the end. The first
threads belong to the subject of the topic. Doubts of the client are put between them.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from claude.simulator.replies.brief import Brief
from claude.simulator.replies.facts import mine, yours
from claude.simulator.replies.wording import Words, bank

LENGTHS = (4, 5, 5, 6, 6, 6, 7, 7, 7, 7)  # exchanges, that is 8 to 14 turns, as the starter templates ask
SHORT = 25  # characters; instead of a shorter fact ("I am 49") an amount is quoted, if there is one
_CLAUSE = re.compile(r"[,;:()\u2013\u2014]| - | who | with | whose ")
_NAMED = re.compile(r"([A-Z][a-z]+)(?: [A-Z][a-z]+)?\s*[,(]\s*\d{2}\b")
_TELLING = re.compile(
    "asks|demands|hints|insists|insults|lies|pretends|refuses|reveals|slips|threatens|tries|wants"
)
Thread = Mapping[str, Any]


@dataclass(frozen=True)
class Dialogue:
    """`turns` alternate, beginning with the user's."""

    title: str
    turns: tuple[str, ...]


def write(brief: Brief, chance: random.Random) -> Dialogue:
    """Write a conversation. It is equal for equal briefs and equal states of `chance`."""
    return _Writer(brief, chance).write()


def subject_of(brief: Brief) -> Mapping[str, Any]:
    """The subject with the most words in the topic, then in the context; `any` when the topic is not about money."""
    subjects = bank()["subjects"]
    weights = {name: _weight(name, brief) for name in subjects}
    best = max(weights, key=lambda name: weights[name])
    chosen: Mapping[str, Any] = subjects[best if weights[best] else "any"]
    return chosen


def feeling_of(word: str) -> Mapping[str, Any]:
    """The phrases of an emotion; those of `unsure` for an unknown word."""
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
    told = ((3, brief.topic), (2, brief.expected[:2000]), (1, brief.context[:2000]))
    return sum(weight for weight, text in told for word in words if re.search(rf"\b{word}", text.lower()))


def _weight(name: str, brief: Brief) -> int:
    stems = _stems(name)
    in_topic = len(set(stems.findall(brief.topic.lower())))
    return 10 * in_topic + len(set(stems.findall(brief.context[:2000].lower())))


class _Writer:
    def __init__(self, brief: Brief, chance: random.Random):
        self.brief = brief
        self.chance = chance
        self.words = Words(
            chance,
            currency=brief.currency,
            slots=_slots(brief),
            amounts=brief.amounts,
            contracted=chance.random() < 0.8,
        )
        self.exchanges = chance.choice(LENGTHS)
        self.turns: list[str] = []
        self.steps: list[str] = []
        self.grave: Thread = {}

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
        """The parts of the middle: threads, one or two doubts, and the limit that an edge case is about."""
        room = self.exchanges - 3
        doubts = self.chance.sample(bank()["doubts"], 1 if room < 4 else 2)
        limits = self._limits()
        threads = self._threads(max(1, room - len(doubts) - len(limits)))
        if limits and "steps" in limits[0]:
            return [threads[0], *limits]
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
        title = self.brief.topic if _is_about_person(self.brief.topic) else self.words.pick(bank()["titles"])
        return title[0].upper() + title[1:]

    def _feeling(self) -> Mapping[str, Any]:
        """The emotion of this moment; an arc of one emotion ends in relief."""
        arc = self.brief.arc if len(self.brief.arc) > 1 else (*self.brief.arc, "cautiously hopeful")
        done = len(self.turns) / (2 * self.exchanges)
        return feeling_of(arc[min(len(arc) - 1, int(done * len(arc)))])

    def _open(self, first: Thread) -> None:
        user = [self.words.pick(bank()["openings"]), self.words.pick(self._feeling()["user"])]
        user.insert(self.chance.randint(0, 1), self._persona())
        user.append(self._facts())
        welcome = [self.words.pick(self._feeling()["ack"]), self.words.pick(bank()["frames"])]
        self._say(
            [*user, *self._maybe(0.3, "asides")], [*welcome, *self._maybe(0.5, "frames"), self._lead(first)]
        )

    def _facts(self) -> str:
        """What the context says about the person, or at least an amount from it."""
        told = self.brief.told
        if len(told) > SHORT or not self.brief.money:
            return told and f"{told}."
        self.words.fill("quoted", self.chance.choice(self.brief.money))
        return self.words.pick(bank()["quoting"])

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
        """An answer and the advice for this very answer. A limit stands without asides."""
        number = self.chance.randrange(len(beat["answer"]))
        answer, advice = self.words.say(beat["answer"][number]), self.words.say(beat["advise"][number])
        if "steps" in beat:
            self.grave = beat
            self._say([answer], [advice, self.words.say(beat["lead"])])
            return
        if "step" not in beat:
            aside, reason = (
                ([], []) if "words" in beat else (self._maybe(0.8, "asides"), self._maybe(0.8, "reasons"))
            )
            self._say([*self._mood(0.6, "user"), answer, *aside], [advice, *reason, self._lead(following)])
            return
        self.steps.append(self.words.say(beat["step"][min(number, len(beat["step"]) - 1)]))
        user = [*self._mood(0.6, "user"), answer, *self._maybe(0.85, "asides")]
        reply = [*self._mood(0.5, "ack"), advice, *self._maybe(0.9, "reasons"), *self._maybe(0.5, "reasons")]
        self._say(user, [*reply, self._lead(following)])

    def _mood(self, odds: float, what: str) -> list[str]:
        return [self.words.pick(self._feeling()[what])] if self.chance.random() < odds else []

    def _maybe(self, odds: float, name: str) -> list[str]:
        return [self.words.pick(bank()[name])] if self.chance.random() < odds else []

    def _lead(self, following: Thread | None) -> str:
        """The end of a planner's turn: the question that the next part answers."""
        if following is None:
            return self.words.pick(bank()["handovers"])
        return self.words.pick(following.get("ask") or bank()["invitations"])

    def _plan(self) -> None:
        if self.grave:
            self._say_grave(
                "request", "plan", _join_steps(self.grave["steps"], bank()["ordinals"][0]), "check"
            )
            return
        user = [*self._mood(0.8, "user"), *self._maybe(0.6, "asides"), self.words.pick(bank()["requests"])]
        more = self.chance.sample(bank()["steps"], 3)
        steps = [*self.steps[:4], *map(self.words.say, more)][: max(3, min(4, len(self.steps)))]
        listed = _join_steps(steps, self.chance.choice(bank()["ordinals"]))
        self._say(user, [self.words.pick(bank()["plans"]), listed, self.words.pick(bank()["checks"])])

    def _close(self) -> None:
        if self.grave:
            self._say_grave("thanks", "farewell")
            return
        last = self._feeling()
        thanks = [
            self.words.pick(bank()["thanks"]),
            self.words.pick(last["user"]),
            *self._maybe(0.4, "asides"),
        ]
        farewell = [
            *self._maybe(0.4, "reasons"),
            self.words.pick(bank()["keepsakes"]),
            self.words.pick(bank()["farewells"]),
        ]
        self._say(thanks, [self.words.pick(last["ack"]), *farewell])

    def _say_grave(self, user: str, *assistant: str) -> None:
        """In a crisis the last turns have phrases of their own, without money and without cheerfulness."""
        parts = (self.grave.get(part, part) for part in assistant)
        self._say([self.words.say(self.grave[user])], [self.words.say(part) for part in parts])

    def _say(self, user: Sequence[str], assistant: Sequence[str]) -> None:
        self.turns += [" ".join(filter(None, user)), " ".join(filter(None, assistant))]


def _join_steps(steps: Sequence[str], names: Sequence[str]) -> str:
    return " ".join(f"{name} {step}" for name, step in zip(names, steps, strict=False))


def _slots(brief: Brief) -> dict[str, str]:
    """The words for the slots. A topic about a person (`hides a loan`) does not fit into a sentence; the subject's name is used."""
    topic = str(subject_of(brief)["label"]) if _is_about_person(brief.topic) else _inside(mine(brief.topic))
    slots = {"topic": topic, "yours": yours(topic), "emotion": brief.arc[0]}
    return slots | ({"age": brief.age} if brief.age else {})


def _is_about_person(topic: str) -> bool:
    first = topic.split(" ", 1)[0]
    return bool(_TELLING.fullmatch(first.lower())) or first in ("I", "We", "He", "She", "They")


def _inside(topic: str) -> str:
    """The topic as it stands inside a sentence: a plain first word loses its capital."""
    first = topic.split(" ", 1)[0]
    plain = first[1:].islower() or len(first) == 1
    return topic[0].lower() + topic[1:] if plain and first != "I" else topic


def _with_article(core: str) -> str:
    """`Gig Worker`: a gig worker; `Military Family`: part of a military family."""
    if core.lower().endswith(("family", "couple", "household", "team")):
        return (
            f"one half of a {core.lower()}"
            if core.lower().endswith("couple")
            else f"part of a {core.lower()}"
        )
    words = [word if word.isupper() else word.lower() for word in core.split()]
    if words[0] in ("a", "an", "the", "two", "my"):
        return " ".join(words)
    return ("an " if words[0][0] in "aeiou" else "a ") + " ".join(words)
