"""The conversations of the demo: what the simulator writes for the 90 items of the starter pack."""

import random

from claude.simulator.replies import brief, dialogue
from conversations.parsing import TurnDraft
from conversations.quality.prepared import join_words, prepare
from templates_app.packs.pack import Pack, PackItem, load_pack
from templates_app.text.rendering import Variable, render, resolve


def write_demo_turns() -> list[list[TurnDraft]]:
    pack = load_pack()
    return [_write(pack, item, number) for number, item in enumerate(pack.items)]


def write_demo() -> list[list[str]]:
    """The words of each conversation."""
    return [join_words(prepare(turns)) for turns in write_demo_turns()]


def _write(pack: Pack, item: PackItem, number: int) -> list[TurnDraft]:
    template = pack.template(item.template)
    variables = tuple(Variable.from_dict(each) for each in template.variables)
    prompt = render(template.text, resolve(variables, item.values), syntax=template.syntax)
    written = dialogue.write(brief.read(prompt), random.Random(number))
    return [TurnDraft(("user", "assistant")[at % 2], text) for at, text in enumerate(written.turns)]
