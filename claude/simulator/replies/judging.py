"""What the simulator answers to a judge: scores that depend on the text alone, with quotes that stand in it.

It knows neither the rubric nor what is good. The scores are there so that everything around a judgement can be tried; the
reply is marked as simulated, as every reply of the simulator.
"""

import json
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from claude.simulator.rules.schemas import resolve

_CONVERSATION = re.compile(r"<conversation_to_judge>\n(.*?)\n</conversation_to_judge>", re.DOTALL)
_CRITERION = re.compile(r"^([a-z_]{3,40}): ", re.MULTILINE)
_SENTENCE = re.compile(r"[^.!?\n]{3,200}[.!?]?")
_MARKUP = re.compile(r"[*_`#<>\[\]]")
LEAST, MOST = 5, 9
REASONS = (
    "The passage shows it plainly.",
    "It answers what was asked, and says why.",
    "Sound, although a step could be explained better.",
    "It stays with the subject and moves it on.",
)
MOST_WORDS = 14


def find_turns(prompt: str) -> list[str]:
    """The texts of the turns that a prompt gives to judge; none when it asks for something else."""
    found = _CONVERSATION.search(prompt)
    if found is None:
        return []
    try:
        turns = [json.loads(line) for line in found[1].splitlines() if line.strip()]
    except ValueError:
        return []
    return [str(turn["content"]) for turn in turns if isinstance(turn, dict) and turn.get("content")]


def judge(
    turns: Sequence[str], prompt: str, schema: Mapping[str, Any] | None, chance: random.Random
) -> dict[str, Any]:
    """A score, a quote and a reason for each dimension of the schema, or of the prompt's rubric without one."""
    return {
        name: {
            "score": chance.randint(LEAST, MOST),
            "quote": _quote(chance.choice(turns)),
            "reason": chance.choice(REASONS),
        }
        for name in _list_dimensions(prompt, schema)
    }


def _list_dimensions(prompt: str, schema: Mapping[str, Any] | None) -> list[str]:
    if schema is None:
        rubric = prompt.partition("<rubric>")[2].partition("</rubric>")[0]
        return list(dict.fromkeys(_CRITERION.findall(rubric)))
    defs = {**schema.get("definitions", {}), **schema.get("$defs", {})}
    return list(resolve(schema, defs).get("properties", {}))


def _quote(text: str) -> str:
    """The beginning of the first plain sentence of a turn; of a turn without one its first words."""
    plain = (each.group().strip() for each in _SENTENCE.finditer(text))
    found = next((each for each in plain if len(each.split()) > 2 and not _MARKUP.search(each)), text.strip())
    return " ".join(re.split(r"\s+", found)[:MOST_WORDS])
