"""Schemathesis sends to every operation of the API what its schema allows, and what it does not: no answer may break the schema.

In CI it sends 4 requests to each operation in this process, always the same ones; 20 take more than a minute, and belong to the
slow run. All its phases with 200 requests are in test_schemathesis_phases.py.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from lorapipe.wsgi import application
from tests.abuse.world import World
from tests.factories import make_token

CONFIG = Path(__file__).with_name("schemathesis.toml")
# A single generation would wait for its conversation.
AT_ONCE = {"Prefer": "respond-async", "Accept-Encoding": "identity"}


@pytest.fixture(scope="module")
def headers(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(user=world.person)}", **AT_ONCE}


@pytest.fixture(scope="module")
def connected() -> Iterator[None]:
    """A request through WSGI would close the connection with the transaction of the world, as it does between real ones."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def operations(connected: None, world: World, headers: dict[str, str]) -> list[Any]:
    config = SchemathesisConfig.from_path(CONFIG)
    schema = schemathesis.openapi.from_wsgi("/api/schema", application, config=config, headers=headers)
    return [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]


def find_rows(world: World, path: str) -> dict[str, str]:
    """The places of a path filled with rows of the world, which lead as deep as a row can."""
    places = re.findall(r"{(\w+)}", path)
    return {place: world.rows[re.sub("([A-Z])", r"_\1", place).lower()][0] for place in places}


@pytest.mark.django_db
@pytest.mark.lengthy
@pytest.mark.parametrize("examples", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_some_requests_to_each_operation(
    world: World, headers: dict[str, str], operations: list[Any], examples: int
) -> None:
    wrong = []
    for operation in operations:
        for mode in GenerationMode:
            try:
                send_some(operation, mode, find_rows(world, operation.path), headers, examples // 2)
            except (AssertionError, ExceptionGroup) as found:
                wrong.append(f"{operation.label}, {mode.value}: {found}")
    assert len(operations) > 60
    assert not wrong, "\n\n".join(wrong)


def send_some(
    operation: Any, mode: GenerationMode, rows: dict[str, str], headers: dict[str, str], examples: int
) -> None:
    """Each request is undone, so that the next one finds the same rows."""

    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=rows or None))
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        with transaction.atomic():
            try:
                case.call_and_validate(headers=headers)
            finally:
                transaction.set_rollback(True)

    send()
