"""1,000 conversations by a seed: which flaw stands in which turn, and what only looks like one."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from conversations.parsing import TurnDraft
from tests.conversations.quality.planted.copies import change_words, replace_turns, swap_names
from tests.conversations.quality.planted.details import make_card, make_iban, make_mail, make_phone
from tests.conversations.quality.planted.writing import (
    LANGUAGES,
    TURNS,
    fill,
    insert_text,
    read_list,
    replace_turn,
    write_clean,
)

VARIABLES = frozenset({"persona", "topic", "emotion", "context", "max_age"})
EACH = 50
ORIGINALS = 332
COPIES = 40  # of each way to copy
SIBLINGS = 50
# The flag that each list of texts is about.
LISTS = {
    "prompt_leakage": "leaks",
    "refusal": "refusals",
    "placeholder": "placeholders",
    "stock_phrases": "stock",
    "personal_data": "personal",
    "control_tokens": "tokens",
    "role_prefix": "prefixes",
}
PARAPHRASED = {"prompt_leakage": "leaks_paraphrased", "refusal": "refusals_paraphrased"}


@dataclass
class Planted:
    """`flaws`: kind to the turns that may be named for it (numbered from 1; empty for any). `allowed`: kinds that do not count either way.

    `paraphrase`: its flaw says the same in unusual words. `twin_of`: the position of the conversation it is a copy of, and `copied` how.
    """

    turns: list[TurnDraft]
    language: str = "en"
    flaws: dict[str, tuple[int, ...]] = field(default_factory=dict)
    allowed: set[str] = field(default_factory=set)
    look_alikes: list[str] = field(default_factory=list)
    paraphrase: bool = False
    twin_of: int | None = None
    copied: str = ""


def build_planted(seed: int = 12) -> list[Planted]:
    chance = random.Random(seed)
    made = [Planted(write_clean(chance)) for _ in range(ORIGINALS)]
    _add_siblings(made, chance)
    _add_look_alikes(made, chance)
    made += _copy(made, chance)
    for kind, name in LISTS.items():
        made += [_plant(kind, text, chance) for text in _take(read_list(name), EACH, chance)]
    for kind, name in PARAPHRASED.items():
        made += [_plant(kind, text, chance, paraphrase=True) for text in read_list(name)]
    made += [_plant_variable(chance) for _ in range(EACH)]
    made += [_plant_repetition(at, chance) for at in range(EACH)]
    made += [_plant_language(code, whole, chance) for code in LANGUAGES for whole in (True, False)]
    made += [_write_in_language(code) for code in LANGUAGES]
    return made


def _take(texts: list[str], count: int, chance: random.Random) -> list[str]:
    """Every text as often as any other, as far as the count allows."""
    rounds = -(-count // len(texts))
    return [text for _ in range(rounds) for text in chance.sample(texts, len(texts))][:count]


def _plant(kind: str, text: str, chance: random.Random, *, paraphrase: bool = False) -> Planted:
    made = Planted(write_clean(chance), paraphrase=paraphrase)
    if text.startswith("@"):
        also, _, text = text[1:].partition(" ")
        made.allowed.add(also)
    at = chance.randrange(1, TURNS - 1)
    if kind == "role_prefix":
        numbers = (
            [at]
            if chance.random() < 0.5
            else [at, *[each for each in range(TURNS) if each % 3 == 0 and each != at]]
        )
        for each in numbers:
            replace_turn(made.turns, each, text + made.turns[each].content)
        made.flaws[kind] = tuple(each + 1 for each in numbers)
        return made
    if kind == "stock_phrases":
        first, second = chance.sample(range(1, TURNS, 2), 2)
        for each, part in zip((first, second), text.split("|"), strict=True):
            insert_text(made.turns, each, part, chance)
        made.flaws[kind] = (first + 1, second + 1)
        return made
    if kind == "refusal" or kind == "prompt_leakage":
        at = chance.randrange(1, TURNS, 2)
    filled = fill(_fill_details(text, chance), chance)
    if kind == "refusal" and chance.random() < 0.4:
        replace_turn(made.turns, at, filled)
    else:
        insert_text(made.turns, at, filled, chance)
    made.flaws[kind] = (at + 1,)
    return made


def _fill_details(text: str, chance: random.Random) -> str:
    makers: dict[str, Callable[[random.Random], str]] = {
        "{phone}": make_phone,
        "{iban}": make_iban,
        "{card}": make_card,
        "{mail_user}@{mail_host}": make_mail,
    }
    for slot, make in makers.items():
        text = text.replace(slot, make(chance)) if slot in text else text
    return text


def _plant_variable(chance: random.Random) -> Planted:
    made = Planted(write_clean(chance))
    name = chance.choice(sorted(VARIABLES))
    form = chance.choice(("{{%s}}", "{{ %s }}", "{{%s }}", "{{#%s}}", "{{%s ? 'yes' : 'no'}}"))
    at = chance.randrange(TURNS)
    insert_text(made.turns, at, form % name, chance)
    made.flaws["unresolved_variable"] = (at + 1,)
    return made


def _plant_repetition(at: int, chance: random.Random) -> Planted:
    """The same turn again, exactly or with small changes, of the same role or of the other one."""
    made = Planted(write_clean(chance))
    first, second = sorted(chance.sample(range(2, TURNS - 1), 2))
    said = made.turns[first].content
    if at % 5 == 1:
        said = f"  {said.upper() if at % 10 == 1 else said.lower()} "
    if at % 5 == 2:
        said = said.replace(".", "!").replace(",", " -")
    if at % 5 == 3:
        words = said.split()
        words[len(words) // 2] = "really"
        said = " ".join(words)
    if at % 5 == 4:
        said = f"{said} Right?"
    replace_turn(made.turns, second, said)
    made.flaws["repeated_turn"] = (second + 1,)
    return made


def _plant_language(code: str, whole: bool, chance: random.Random) -> Planted:
    if whole:
        turns = _write_in_language(code).turns
        # The same texts stand in the conversation whose template does ask for this language.
        return Planted(turns, flaws={"wrong_language": ()}, allowed={"near_duplicate"})
    # There are few texts of a language, so that turns may be equal by chance.
    made = Planted(write_clean(chance), allowed={"repeated_turn"})
    numbers = chance.sample(range(TURNS), chance.choice((1, 2, 3)))
    for at in numbers:
        texts = LANGUAGES[code][at % 2 :: 2]
        replace_turn(made.turns, at, " ".join(chance.sample(texts, 2)))
    made.flaws["wrong_language"] = tuple(at + 1 for at in numbers)
    return made


def _write_in_language(code: str) -> Planted:
    """A conversation in a language, as its template asks for it."""
    turns = [TurnDraft(("user", "assistant")[at % 2], text) for at, text in enumerate(LANGUAGES[code])]
    return Planted(
        turns, language={"pt": "pt-BR", "zh": "zh-CN"}.get(code, code), look_alikes=["wrong_language"]
    )


# --- copies, and what only looks like a flaw ---------------------------------------------------------------


def _copy(originals: list[Planted], chance: random.Random) -> list[Planted]:
    chosen = chance.sample(range(ORIGINALS - SIBLINGS), 3 * COPIES)
    ways = {"words changed": change_words, "names swapped": swap_names, "turns replaced": replace_turns}
    made = []
    for way, (name, copy) in enumerate(ways.items()):
        for at in chosen[way * COPIES : (way + 1) * COPIES]:
            original = originals[at]
            twin = Planted(copy(original.turns, chance), twin_of=at, copied=name)
            twin.allowed |= original.allowed
            made.append(twin)
    return made


def _add_siblings(made: list[Planted], chance: random.Random) -> None:
    """The last of them share a third of their turns with an earlier one, as conversations of one template may."""
    for each in made[-SIBLINGS:]:
        other = chance.choice(made[:-SIBLINGS])
        for at in chance.sample(range(TURNS), 4):
            each.turns[at] = other.turns[at]
        each.look_alikes.append("near_duplicate")


def _add_look_alikes(made: list[Planted], chance: random.Random) -> None:
    hosts = [each for each in made for _ in range(2)]
    chance.shuffle(hosts)
    texts = {kind: read_list(f"{name}_lookalikes") for kind, name in LISTS.items()}
    texts["wrong_language"] = read_list("foreign_words")
    texts["unresolved_variable"] = [
        "The template of the shop said {{ customer.name }} in big letters.",
        "In Helm one writes {{ .Values.amount }} for it.",
        "Our newsletter began with Hello {{firstname}}, which was a mistake.",
        "React wants style={{ color: 'red' }} there, says {person}.",
        "In LaTeX I type {{persona} twice, whatever for.",
        "The persona and the topic of the course were fine.",
    ]
    for kind, lines in texts.items():
        for at in range(EACH):
            host = hosts.pop()
            turn = chance.randrange(TURNS)
            if kind == "role_prefix":
                replace_turn(
                    host.turns, turn, f"{fill(lines[at % len(lines)], chance)} {host.turns[turn].content}"
                )
            else:
                insert_text(host.turns, turn, fill(lines[at % len(lines)], chance), chance)
            host.look_alikes.append(kind)
    for at in range(EACH):
        host = hosts.pop()
        _repeat_harmlessly(host.turns, at, chance)
        host.look_alikes.append("repeated_turn")


def _repeat_harmlessly(turns: list[TurnDraft], at: int, chance: random.Random) -> None:
    """A short reply twice, a quotation of the other's words, or two turns that begin alike."""
    first, second = sorted(chance.sample(range(0, TURNS, 2), 2))
    if at % 3 == 0:
        short = chance.choice(("Yes, please.", "Thank you.", "That makes sense.", "I see.", "Go on."))
        replace_turn(turns, first, short)
        replace_turn(turns, second, short)
    elif at % 3 == 1:
        quoted = turns[first + 1].content.split(". ")[0]
        insert_text(turns, second, f'You said "{quoted}" and I have thought about it since.', chance)
    else:
        start = "Let me ask it differently, because I do not think I understood you."
        for each in (first, second):
            replace_turn(turns, each, f"{start} {turns[each].content}")
