"""The conversations of the demo: what the simulator writes for the 90 items of the starter pack."""

import random
from dataclasses import dataclass

from claude.simulator.replies import brief
from claude.simulator.replies.compose import write_script
from claude.simulator.replies.flaws import Planter
from conversations.details import HEADING
from conversations.parsing import SHAPE_IN_WORDS, TurnDraft
from conversations.quality import Asked
from conversations.quality.prepared import join_words, prepare
from stack.programs import FLAWED_EVERY
from templates_app.packs.pack import Pack, PackItem, load_pack
from templates_app.text.rendering import Variable, render, resolve


@dataclass(frozen=True)
class DemoConversation:
    """`flaw`: the kind of the planted flaw, "" for none; `asked`: what its template asks for."""

    turns: list[TurnDraft]
    flaw: str
    asked: Asked


def write_planted_demo(*, seed: int = 0, before: int = 0) -> list[DemoConversation]:
    """The 90 as `./run` makes them, with flaws, after `before` other conversations."""
    pack, planter = load_pack(), Planter()
    for item in pack.items[:before]:
        _write(pack, item, -1, planter)
    return [_write(pack, item, 1000 * seed + number, planter) for number, item in enumerate(pack.items)]


def write_demo_turns() -> list[list[TurnDraft]]:
    """The 90 without a flaw."""
    pack = load_pack()
    return [_write(pack, item, number, None).turns for number, item in enumerate(pack.items)]


def write_demo() -> list[list[str]]:
    """The words of each conversation."""
    return [join_words(prepare(turns)) for turns in write_demo_turns()]


def _write(pack: Pack, item: PackItem, number: int, planter: Planter | None) -> DemoConversation:
    template = pack.template(item.template)
    variables = tuple(Variable.from_dict(each) for each in template.variables)
    prompt = render(template.text, resolve(variables, item.values), syntax=template.syntax)
    chance = random.Random(number)
    script = write_script(brief.read(prompt), chance)
    flaw = planter.plant(script, chance, every=FLAWED_EVERY) if planter else ""
    asked = Asked(
        language=template.language,
        variables=[each.name for each in variables],
        instructions=(template.text, template.system_prompt, HEADING, SHAPE_IN_WORDS),
        turns_min=template.turns_min,
        turns_max=template.turns_max,
    )
    return DemoConversation([TurnDraft(role, text) for role, text in script.turns], flaw, asked)
