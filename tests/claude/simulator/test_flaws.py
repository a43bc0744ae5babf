"""Flaws on purpose: which conversations have one, and that none is planted unless it is asked for."""

import random

import pytest
from anthropic import Anthropic

from claude.simulator.replies.flaws import KEPT, KINDS, Planter
from claude.simulator.replies.script import Script
from tests.claude.simulator.asking import PROMPT, ask, told
from tests.support.simulator import RunningSimulator

ANEW = f"{PROMPT}\n\nThis conversation has been written before, as version 1. Write it anew."


def make_script(number: int) -> Script:
    turns = [(("user", "assistant")[at % 2], f"Turn {at} of {number}. It goes on.") for at in range(8)]
    return Script(f"Title {number}", turns)


def test_every_third_is_flawed_one_kind_after_the_other() -> None:
    planter, found = Planter(), []
    for number in range(3 * len(KINDS)):
        script = make_script(number)
        found.append(planter.plant(script, random.Random(number), every=3))
        assert (script == make_script(number)) == (not found[-1])
    assert found[2::3] == list(KINDS)
    assert not any(found[0::3] + found[1::3])


def test_a_near_duplicate_repeats_the_oldest_one_that_is_kept() -> None:
    planter, at = Planter(), list(KINDS).index("near_duplicate") + 1
    every = KEPT
    for number in range(1, every * at):
        planter.plant(make_script(number), random.Random(0), every=every)
    twin = make_script(0)
    assert planter.plant(twin, random.Random(0), every=every) == "near_duplicate"
    oldest = every * at - KEPT - 1  # one of the last 25 was flawed itself
    assert twin.turns[1:] == make_script(oldest).turns[1:]
    assert (twin.title, twin.turns[0]) == ("Title 0", make_script(0).turns[0])


def test_a_simulator_is_clean_until_flaws_are_asked_for(claude: Anthropic, server: RunningSimulator) -> None:
    clean = told(ask(claude))
    server.options(flawed_every=2)
    assert told(ask(claude)) == clean
    assert told(ask(claude, ANEW)) != clean  # not counted, and without a flaw
    flawed = told(ask(claude))
    assert flawed["title"] == clean["title"]
    assert flawed["turns"] != clean["turns"]
    server.options(flawed_every=0)
    assert told(ask(claude)) == told(ask(claude)) == clean


def test_a_wrong_number_is_refused(server: RunningSimulator) -> None:
    with pytest.raises(OSError, match="400"):
        server.options(flawed_every=-1)
