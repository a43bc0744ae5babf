"""Two tables that were written apart, the client's and the simulator's, have to say the same."""

from datetime import date

import pytest

from claude import current_models
from claude.messages import Usage
from claude.simulator.rules import model_rules
from claude.simulator.rules.rejection import Rejection

TODAY = date(2026, 11, 22)
SIZES = [(0, 0), (1, 1), (1234, 5678), (100_000, 10), (100_001, 10), (180_000, 64_000)]


@pytest.mark.parametrize("model", [card.id for card in current_models.list_cards()])
def test_the_client_and_the_simulator_agree(model: str) -> None:
    card, known = current_models.find_card(model), model_rules.facts(model, today=TODAY)
    assert (card.context, card.max_output) == (known.context, known.max_output)
    assert card.takes_temperature == (known.sampling == "free")
    assert card.min_cache_tokens == known.cache_minimum
    assert card.accepts_forced_tool == known.forced_tools
    assert card.effort_levels == known.efforts
    assert card.thinking_modes == tuple(
        mode
        for mode, taken in {
            "enabled": known.budget,
            "adaptive": known.adaptive,
            "disabled": known.disabled != "no",
            "between_tools": known.between_tools,
        }.items()
        if taken
    )
    for input_tokens, output_tokens in SIZES:
        cost = model_rules.bill(known, input_tokens=input_tokens, output_tokens=output_tokens)
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        assert current_models.compute_cost(usage, model=model, on=TODAY) == cost


def test_inference_in_the_us_costs_a_tenth_more() -> None:
    known = model_rules.facts("claude-sonnet-5-5", today=TODAY)
    plain = model_rules.bill(known, input_tokens=1000, output_tokens=1000)
    assert model_rules.bill(known, input_tokens=1000, output_tokens=1000, geo="us") == plain * 11 / 10


def test_sonnet_4_5_ends_on_its_day() -> None:
    assert model_rules.facts("claude-sonnet-4-5", today=date(2026, 11, 29))
    with pytest.raises(Rejection, match="model: claude-sonnet-4-5"):
        model_rules.facts("claude-sonnet-4-5", today=date(2026, 11, 30))
