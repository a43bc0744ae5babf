"""What every answer of the API has in common: `success`, and amounts as people write them."""

import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.http import JsonResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern
from rest_framework.response import Response

from batches.models.states import JobStatus
from lorapipe import api_urls, views
from lorapipe.api_renderers import SuccessJSONRenderer
from tests.factories import (
    make_background_job,
    make_conversation,
    make_edge_case,
    make_export,
    make_imported_file,
    make_item,
    make_job,
    make_log,
    make_option,
    make_scenario,
    make_template,
    make_token,
)
from workspaces.models import User

EXPONENT = re.compile(r"[\"$ ]-?\d[\d.]*E[-+]\d+(?![\w-])", re.IGNORECASE)  # and no id such as 1234567e-8a2b


@pytest.fixture
def rows(owner: User) -> dict[str, Any]:
    """A row of each kind that an address names."""
    place = owner.personal_workspace()
    job = make_job(by=owner, total_items=1)
    item = make_item(job=job)
    make_log(item=item)
    template = make_template(workspace=place)
    return {
        "job_id": job,
        "item_id": item,
        "conversation_id": make_conversation(workspace=place),
        "template_id": template,
        "scenario": make_scenario(workspace=place),
        "edge_case": make_edge_case(workspace=place),
        "option": make_option(workspace=place),
        "background_id": make_background_job(by=owner),
        "file_id": make_imported_file(by=owner),
        "export_id": make_export(by=owner),
    }


def build_path(route: URLPattern, rows: dict[str, Any]) -> str:
    """The address of a route with the ids of these rows."""
    form = str(route.pattern).removeprefix("^").removesuffix("/?\\Z")
    kind = str(route.default_args.get("kind", ""))
    for name in route.pattern.regex.groupindex:
        row = rows[kind if name == "entry_id" else name]
        form = re.sub(rf"\(\?P<{name}>(?:[^()]|\([^()]*\))*\)", str(row.pk), form)
    return f"/api/{form}"


@pytest.mark.django_db
def test_every_answer_says_whether_it_worked(owner: User, rows: dict[str, Any]) -> None:
    """Every address with every method: `success` comes first, and fits the status."""
    caller = Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})
    worked = set()
    for route in api_urls.urlpatterns:
        path = build_path(route, rows)
        for method in ("get", "post", "patch", "delete"):
            answer = caller.generic(method.upper(), path, "{}", content_type="application/json")
            body = json.loads(answer.content)
            assert next(iter(body)) == "success", f"{method} {path}: {body}"
            assert body["success"] is (answer.status_code < 400), f"{method} {path}: {body}"
            assert not EXPONENT.search(answer.content.decode()), f"{method} {path}: {body}"
            if body["success"]:
                worked.add(route.name)
    assert len(worked) >= 18, "most addresses answer a GET"


def test_there_is_one_renderer_for_all() -> None:
    assert settings.REST_FRAMEWORK["DEFAULT_RENDERER_CLASSES"] == [
        "lorapipe.api_renderers.SuccessJSONRenderer"
    ]


@pytest.mark.parametrize(("status", "success"), [(200, True), (202, True), (400, False), (503, False)])
def test_the_status_decides(status: int, success: bool) -> None:
    text = SuccessJSONRenderer().render(
        {"jobId": "x"}, renderer_context={"response": Response(status=status)}
    )
    assert json.loads(text) == {"success": success, "jobId": "x"}


@pytest.mark.django_db
def test_an_unknown_host_name_is_answered_in_the_same_form() -> None:
    answer = Client(headers={"host": "elsewhere.example"}).get("/api/conversations")
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert Client(headers={"host": "elsewhere.example"}).get("/")["Content-Type"].startswith("text/html")


def test_so_is_an_error_outside_the_views(rf: RequestFactory) -> None:
    answer = views.show_error(rf.get("/api/conversations"))
    assert isinstance(answer, JsonResponse)
    assert json.loads(answer.content)["success"] is False


@pytest.mark.django_db
@pytest.mark.parametrize(("budget", "words"), [(0, "$0.00 does not"), ("0.000100000", "$0.0001 does not")])
def test_an_amount_is_written_as_people_write_it(
    owner: User, starter_pack: None, budget: Any, words: str
) -> None:
    caller = Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})
    body = {"name": "n", "tier": "edge_case", "budgetUsd": budget}
    answer = caller.post("/api/conversations/generate-batch", body, content_type="application/json")
    assert (answer.status_code, answer.json()["details"][0]["column"]) == (400, "budgetUsd")
    assert words in answer.json()["error"]


@pytest.mark.django_db
def test_a_budget_that_is_too_low_is_written_so_too(owner: User) -> None:
    caller = Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})
    job = make_job(by=owner, items=1, status=JobStatus.PROCESSING, spent="1.2")
    answer = caller.patch(
        f"/api/conversations/batch/{job.pk}", {"budgetUsd": 0}, content_type="application/json"
    )
    assert answer.status_code == 409
    assert answer.json()["error"].startswith("$0.00 is less than")
