"""The copy of the starter pack that tests begin with is what the product loads."""

from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model

from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from templates_app.packs.installing import install_pack
from tests.factories import make_workspace
from tests.support.starter_pack import LIMITS, UNLIMITED, bring_starter_pack, lift_limits
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db
# What differs between two loads, too.
OWN = {"id", "created_at", "updated_at", "published_at", "workspace_id"}


def count_rows() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def rows_of(workspace: Workspace) -> list[tuple[str, Any]]:
    """Every row that points at the workspace, with the names of the templates instead of their ids."""
    found = []
    for model in apps.get_models():
        if any(field.name == "workspace" for field in model._meta.get_fields()):
            found += [
                (model._meta.label, content_of(row))
                for row in model._default_manager.filter(workspace=workspace)
            ]
    return sorted(found, key=repr)


def content_of(row: Model) -> dict[str, Any]:
    content: dict[str, Any] = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.attname not in OWN
    }
    if content.get("template_id"):
        content["template_id"] = getattr(row, "template").name  # noqa: B009
    if "pack_print" in content:
        content["pack_print"] = getattr(row, "is_unchanged_since_its_pack")  # noqa: B009
    return content


def test_a_copy_is_what_the_product_loads() -> None:
    loaded, copied = make_workspace(), make_workspace()
    bring_starter_pack(make_workspace())  # the first time it loads
    before = count_rows()
    install_pack(loaded)
    between = count_rows()
    bring_starter_pack(copied)
    after = count_rows()
    assert rows_of(copied) == rows_of(loaded)
    assert all(content.get("pack_print", True) for _, content in rows_of(copied))
    assert len(rows_of(copied)) > 100
    assert {name: after[name] - between[name] for name in after} == {
        name: between[name] - before[name] for name in before
    }


def test_the_product_finds_nothing_to_renew_in_a_copy() -> None:
    workspace = make_workspace()
    bring_starter_pack(workspace)
    assert install_pack(workspace) == 0


def test_copied_limits_are_what_the_product_sets() -> None:
    made = []
    for make in (lift_limits, lift_limits, lambda: set_limits(pools(), per_minute=UNLIMITED)):
        for model in LIMITS:
            model._default_manager.all().delete()
        make()
        rows = [content_of(row) for model in LIMITS for row in model._default_manager.order_by("pool")]
        made.append(sorted(rows, key=repr))
    assert made[0] == made[1] == made[2]
    assert len(made[0]) >= 4
