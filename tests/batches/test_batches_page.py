import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.factories import make_job, make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db
# Session, user, workspaces (three times), count, rows, running batch, number of conversations.
QUERIES = 10


@pytest.fixture
def owner(client: Client) -> User:
    user = make_user(username="owner")
    client.force_login(user)
    return user


def test_ones_own_batches_newest_first(client: Client, owner: User) -> None:
    for name in ("first", "second"):
        make_job(by=owner, name=name)
    make_job(name="foreign")
    page = client.get("/batches/")
    assert [job.name for job in page.context["page"].rows] == ["second", "first"]
    assert "foreign" not in page.text


def test_nothing_yet(client: Client, owner: User) -> None:
    assert "No batches yet" in client.get("/batches/").text


def test_queries(client: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(5):
        make_job(by=owner)
    with django_assert_num_queries(QUERIES):
        client.get("/batches/")
