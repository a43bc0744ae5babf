"""The plans that `bench.plans` makes with the pages of the wizard."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from templates_app.models import PromptTemplate, Scenario
from templates_app.packs.installing import install_pack
from workspaces.models import User

PACK = "financial_planning"
ACROSS = 50


def fill(items: int) -> Client:
    """The browser of a person whose starter plan has so many items: those of the pack and additional scenarios."""
    call_command("migrate", verbosity=0)
    user: User = User.objects.create_user("bench")
    place = user.personal_workspace()
    install_pack(place)
    first = Scenario.objects.filter(workspace=place, pack=PACK)[0]
    Scenario.objects.bulk_create(
        [
            Scenario(
                **{
                    field.attname: getattr(first, field.attname)
                    for field in Scenario._meta.concrete_fields
                    if field.name not in ("id", "name", "topic", "pack_key", "created_at", "updated_at")
                },
                id=uuid4(),
                name=f"Scenario {number}",
                topic=f"{first.topic}, case {number}",
                pack_key=f"case {number}",
            )
            for number in range(max(0, items - 90))
        ],
        batch_size=1_000,  # PostgreSQL takes 65,535 values in one statement
    )
    web = Client(SERVER_NAME="localhost")
    web.force_login(user)
    return web


def cases(web: Client, items: int) -> dict[str, Callable[[], str]]:
    """Each posts a form and returns the address of the plan."""
    template = PromptTemplate.objects.get(name="Emotional arc")
    matrix = {
        "template": str(template.pk),
        "list-topic": "paying off a car",
        "list-persona": "\n".join(f"Persona {number}" for number in range(ACROSS)),
        "list-emotion": "\n".join(f"emotion {number}" for number in range(-(-items // ACROSS))),
        "how": "total",
        "count": str(items),
        "diversity": "on",
        "seed": "1",
    }
    lines = (f"Topic {n},Persona {n % 40},emotion {n % 17}\r\n" for n in range(items))
    rows = ("topic,persona,emotion\r\n" + "".join(lines)).encode()

    def made(kind: str, given: dict[str, Any]) -> str:
        answer = web.post(f"/batches/new/{kind}/", given)
        if answer.status_code != 302:
            raise SystemExit(
                f"{kind} was answered with {answer.status_code}: {answer.context['form'].errors}"
            )
        return answer.headers["Location"]

    return {
        "starter": lambda: made(
            "starter", {"tiers": ["template", "scenario", "edge_case"], "diversity": "on"}
        ),
        "matrix": lambda: made("matrix", matrix),
        "csv": lambda: made("csv", {"tier": "template", "file": SimpleUploadedFile("plan.csv", rows)}),
    }
