"""The structure score at every edge of its bands."""

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.parsing import TurnDraft
from conversations.quality import choose_status, score

# The machine is shared: a slow example is no failure.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def turns(count: int, length: int, *, roles: tuple[str, str] = ("user", "assistant")) -> list[TurnDraft]:
    return [TurnDraft(roles[at % 2], "x" * length) for at in range(count)]


@pytest.mark.parametrize(
    ("count", "points"),
    [
        (2, 3),
        (3, 3),
        (4, 5),
        (5, 5),
        (6, 7),
        (7, 7),
        (8, 10),
        (16, 10),
        (17, 7),
        (20, 7),
        (21, 5),
        (24, 5),
        (25, 3),
    ],
)
def test_points_for_the_number_of_turns(count: int, points: int) -> None:
    assert score(turns(count, 200)).metrics["turn_count_score"] == points


@pytest.mark.parametrize(
    ("length", "points"),
    [(1, 4), (49, 4), (50, 7), (99, 7), (100, 10), (500, 10), (501, 7), (800, 7), (801, 4)],
)
def test_points_for_the_mean_length(length: int, points: int) -> None:
    assert score(turns(8, length)).metrics["length_score"] == points


def test_the_mean_is_exact_at_the_edge() -> None:
    edge = [TurnDraft("user", "x" * 501), TurnDraft("assistant", "x" * 499)]
    assert score(edge).metrics["length_score"] == 10
    assert score([*edge, TurnDraft("user", "x" * 501)]).metrics["length_score"] == 7


@pytest.mark.parametrize(
    ("roles", "points"), [(("user", "assistant"), 10), (("assistant", "user"), 5), (("user", "user"), 5)]
)
def test_points_for_structure(roles: tuple[str, str], points: int) -> None:
    assert score(turns(8, 200, roles=roles)).metrics["structure_score"] == points


@pytest.mark.parametrize(
    ("count", "length", "roles", "overall"),
    [
        (8, 200, ("user", "assistant"), "10.0"),
        (6, 200, ("user", "assistant"), "8.8"),
        (8, 60, ("user", "assistant"), "9.1"),
        (4, 10, ("user", "assistant"), "6.2"),
        (2, 10, ("user", "assistant"), "5.4"),
        (2, 10, ("user", "user"), "3.9"),
        (0, 0, ("user", "assistant"), "2.4"),
    ],
)
def test_the_weighted_sum(count: int, length: int, roles: tuple[str, str], overall: str) -> None:
    assert score(turns(count, length, roles=roles)).overall == Decimal(overall)


def test_the_metrics_can_be_stored_and_say_what_was_measured() -> None:
    metrics = score(turns(3, 10)).metrics
    assert (
        json.loads(json.dumps(metrics))
        == metrics
        == {
            "formula": "structure-1",
            "turn_count": 3,
            "mean_length": 10.0,
            "turn_count_score": 3,
            "length_score": 4,
            "structure_score": 10,
        }
    )


@pytest.mark.parametrize(
    ("overall", "status"),
    [
        ("0.0", "needs_revision"),
        ("5.9", "needs_revision"),
        ("6.0", "pending_review"),
        ("7.9", "pending_review"),
        ("8.0", "generated"),
        ("10.0", "generated"),
    ],
)
def test_the_status_by_score(overall: str, status: str) -> None:
    assert choose_status(Decimal(overall)) == status


def test_thresholds_are_settings() -> None:
    assert choose_status(Decimal("6.5"), revision=Decimal("7.0")) == "needs_revision"
    assert choose_status(Decimal("9.0"), review=Decimal("9.5")) == "pending_review"


@unhurried
@given(st.lists(st.builds(TurnDraft, st.sampled_from(["user", "assistant", "system"]), st.text())))
def test_any_turns_get_a_score_between_0_and_10_with_one_decimal(drafts: list[TurnDraft]) -> None:
    scored = score(drafts)
    assert Decimal(0) <= scored.overall <= Decimal(10)
    assert scored.overall.as_tuple().exponent == -1
    assert score(drafts) == scored


def expect(count: int, length: int, alternates: bool) -> Decimal:
    """The design's formula, written a second time: every boundary must come out as it says."""
    by_count = 10 if 8 <= count <= 16 else 7 if 6 <= count <= 20 else 5 if 4 <= count <= 24 else 3
    by_length = 10 if 100 <= length <= 500 else 7 if 50 <= length <= 800 else 4
    tenths = Decimal(4 * by_count + 3 * by_length + 3 * (10 if alternates else 5)) / 10
    return tenths.quantize(Decimal("0.1"))


@pytest.mark.parametrize("count", range(3, 26))
@pytest.mark.parametrize("length", [49, 50, 99, 100, 500, 501, 800, 801])
def test_the_score_at_every_boundary(count: int, length: int) -> None:
    assert score(turns(count, length)).overall == expect(count, length, alternates=True)
    swapped = score(turns(count, length, roles=("assistant", "user")))
    assert swapped.overall == expect(count, length, alternates=False)


def test_the_way_to_needs_revision() -> None:
    overall = score(turns(2, 10)).overall
    assert overall == Decimal("5.4")
    assert choose_status(overall) == "needs_revision"
