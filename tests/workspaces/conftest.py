"""Who may see everything in the admin."""

import pytest
from django.test import Client

from tests.factories import make_user


@pytest.fixture
def boss(db: None) -> Client:
    client = Client()
    client.force_login(make_user(superuser=True))
    return client
