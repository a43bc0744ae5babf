"""Ordinary conversations, and the lists of texts that are planted into them."""

import random
import re
import tomllib
from pathlib import Path
from typing import Any

from conversations.parsing import TurnDraft

FOLDER = Path(__file__).parent
SLOT = re.compile(r"\{(\w+)\}")
CLEAN: dict[str, Any] = tomllib.loads((FOLDER / "clean.toml").read_text())
LANGUAGES: dict[str, list[str]] = tomllib.loads((FOLDER / "languages.toml").read_text())
TURNS = 12


def read_list(name: str) -> list[str]:
    lines = (FOLDER / f"{name}.txt").read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith("# ")]


def fill(text: str, chance: random.Random) -> str:
    return SLOT.sub(lambda slot: chance.choice(CLEAN["slots"].get(slot[1], [slot[0]])), text)


def write_clean(chance: random.Random, *, count: int = TURNS) -> list[TurnDraft]:
    """Turns of one or two sentences (the first and the last of one), each sentence at most once in a conversation."""
    left = {
        role: {part: chance.sample(texts, len(texts)) for part, texts in CLEAN[role].items()}
        for role in ("user", "assistant")
    }
    turns = []
    for at in range(count):
        role = ("user", "assistant")[at % 2]
        part = "opening" if at < 2 else "closing" if at >= count - 2 else "middle"
        sentences = [left[role][part].pop()]
        if part != "closing":
            sentences += [left[role]["middle"].pop() for _ in range(chance.choice((1, 2)))]
        turns.append(TurnDraft(role, fill(" ".join(sentences), chance)))
    return turns


def replace_turn(turns: list[TurnDraft], at: int, content: str) -> None:
    turns[at] = TurnDraft(turns[at].role, content)


def insert_text(turns: list[TurnDraft], at: int, text: str, chance: random.Random) -> None:
    """Put the text before or behind what the turn says."""
    own = turns[at].content
    replace_turn(turns, at, f"{text} {own}" if chance.random() < 0.5 else f"{own} {text}")
