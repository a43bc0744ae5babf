"""The test render: the exact request, its tokens and its cost; nothing is sent."""

import json
from decimal import Decimal

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from batches.models import GenerationLog
from batches.planning.estimate.history import TIER_OUTPUT_TOKENS
from claude.translation import payload
from conversations.generation import build_request, compute_worst_case, input_tokens
from templates_app.text.rendering import Variable
from tests.factories import make_template
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
TRIED = {"HX-Request": "true", "HX-Target": "div#tried"}
VARIABLES = (Variable("topic"), Variable("tone", "dropdown", required=False, options=("calm", "brisk")))


def test_the_exact_request_and_its_price(client: Client, owner: User) -> None:
    template = make_template(
        workspace=owner.personal_workspace(), text="On {{topic}}{{tone ? '!' : '.'}}", variables=VARIABLES
    )
    path = f"/templates/{template.pk}/v/1/test/"
    answer = client.post(path, {"value-topic": "R&D <b>\r\n{{tone}}", "value-tone": "calm"})
    asked = build_request(
        version=template.versions.get(),
        values={"topic": "R&D <b>\n{{tone}}", "tone": "calm"},
        model=settings.ENVIRONMENT.anthropic_model,
        max_tokens=settings.ENVIRONMENT.anthropic_max_tokens,
    )
    assert answer.context["asked"] == asked
    assert asked.prompt == "On R&D <b>\n{{tone}}!"
    assert json.loads(answer.context["body"]) == payload(asked)
    price = answer.context["price"]
    assert price.input_tokens == input_tokens(asked)
    assert price.output_tokens == TIER_OUTPUT_TOKENS["template"]
    assert price.worst == compute_worst_case(asked, on=timezone.now().date())
    assert Decimal(0) < price.expected < price.worst
    assert "R&amp;D &lt;b&gt;" in answer.text
    assert not GenerationLog.objects.exists()


def test_every_problem_at_once_and_only_its_region_for_htmx(client: Client, owner: User) -> None:
    template = make_template(
        workspace=owner.personal_workspace(), text="{{topic}} {{tone}}", variables=VARIABLES
    )
    answer = client.post(f"/templates/{template.pk}/v/1/test/", {"value-tone": "loud"}, headers=TRIED)
    assert "<html" not in answer.text
    assert "topic: is required" in answer.text
    assert "choose from: calm, brisk" in answer.text
    assert "Cost of one conversation" not in answer.text


def test_a_broken_draft_and_an_unknown_model_are_told(client: Client, owner: User) -> None:
    broken = make_template(workspace=owner.personal_workspace(), text="{{", published=False)
    assert "never closed" in client.post(f"/templates/{broken.pk}/v/1/test/", {"value-topic": "x"}).text
    other = make_template(workspace=owner.personal_workspace(), text="x", variables=(), published=False)
    path = f"/templates/{other.pk}/v/1/test/"
    assert client.get(path).context["price"]
    other.versions.update(model="no-such-model")
    answer = client.get(path)
    assert "no-such-model" in answer.context["cannot_price"]
    assert answer.context["asked"].model == "no-such-model"
    assert client.get(f"/templates/{other.pk}/v/7/test/").status_code == 404
