"""One database for each module: a world that its tests only look at, because each request is undone."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from tests.abuse.asking import Asker
from tests.abuse.world import World, make_world
from tests.factories import make_user


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    # As if the optional package were there, so that a push is accepted. No job runs.
    with (
        patch("exports.pushing.hub.is_available", return_value=True),
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        yield make_world()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def asker(world: World) -> Asker:
    """Asks as the owner of everything in the world."""
    return Asker(world.client)


@pytest.fixture(scope="module")
def boss(world: World) -> Asker:
    """Asks as a superuser, who may do everything in the admin."""
    client = Client()
    client.force_login(make_user(username="boss", superuser=True))
    return Asker(client)


@pytest.fixture(scope="module")
def nobody(world: World) -> Asker:
    """Asks without having signed in."""
    return Asker(Client())
